"""What a run leaves in models/mnist: the model, its labels, and its card with pictures. Measures; changes nothing."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from train import pictures
from train.card import Report, write_card
from train.data import Mnist
from train.evaluation import Pixels, conditions
from train.model import LABELS, add_softmax
from train.training import Curves, Settings

CHUNK = 1000  # images classified at once


def publish(student: keras.Model, curves: dict[str, Curves], mnist: Mnist, settings: Settings, output: Path) -> None:
    """Write model.keras, labels.txt, README.md and card/*.png to the folder `output`."""
    model = add_softmax(student)
    model.save(output / "model.keras")
    (output / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))

    def classify(images: Pixels) -> NDArray[np.float32]:
        return np.asarray(model.predict(images, CHUNK, verbose=0))

    images, labels = mnist.test_images, mnist.test_labels
    right: dict[str, int] = {}
    for name, pixels in tqdm(conditions(images), desc="evaluation", unit="table row"):
        scores = classify(pixels)
        right[name] = int((scores.argmax(axis=1) == labels).sum())
    scores = classify(images)
    report = Report(model.count_params(), settings, right, confusion(labels, scores.argmax(axis=1)))
    folder = output / "card"
    folder.mkdir(exist_ok=True)
    pictures.draw_conditions(images, labels, classify, folder / "conditions.png")
    pictures.draw_curves(curves, folder / "curves.png")
    pictures.draw_confusion(report.confusion, folder / "confusion.png")
    pictures.draw_mistakes(images, labels, scores, folder / "mistakes.png")
    write_card(report, output / "README.md")
    for name in list(right)[:5]:
        print(f"{100 * right[name] / len(labels):6.2f} %  {name}")


def confusion(labels: NDArray[np.uint8], answers: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each label (row) got each answer (column), (10, 10)."""
    counts = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts
