"""What a run leaves in models/mnist: the model, its labels, and its card with pictures. Measures; changes nothing."""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from train import pictures
from train.card import Report, write_card
from train.data import Mnist
from train.evaluation import Pixels, conditions, prepare
from train.fonts import Font
from train.model import LABELS, add_softmax
from train.strangers.rows import measure
from train.training import Curves, Settings

CHUNK = 1000  # images classified at once


class Fonts(NamedTuple):
    """Those that were learned from, and those that are only tested on; both may be none."""

    training: list[Font]
    held_out: list[Font]


def publish(
    student: keras.Model,
    curves: dict[str, Curves],
    mnist: Mnist,
    fonts: Fonts,
    settings: Settings,
    output: Path,
) -> None:
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
    rows = list(tqdm(measure(classify, images, labels, fonts.held_out, prepare), desc="strangers", unit="table row"))
    licences = {font.name: font.licence for font in fonts.training}
    report = Report(model.count_params(), settings, right, rows, licences, confusion(labels, scores.argmax(axis=1)))
    folder = output / "card"
    folder.mkdir(exist_ok=True)
    pictures.draw_conditions(images, labels, classify, folder / "conditions.png")
    pictures.draw_strangers(rows, folder / "strangers.png")
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
