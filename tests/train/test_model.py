import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from train.data import Mnist
from train.evaluation import conditions, draw, prepare
from train.model import LABELS, add_softmax, build_student, build_teacher
from train.strangers.corruptions import TRAINABLE, UNSEEN, corrupt
from train.strangers.others import draw_others
from train.strangers.sheets import SHARES, cut, lay

FOLDER = Path(__file__).parents[2] / "models" / "mnist"


@pytest.fixture(scope="module")
def served() -> keras.Model:
    return keras.models.load_model(FOLDER / "model.keras", compile=False)


@pytest.mark.parametrize("build", [build_student, build_teacher])
def test_raw_pixels_in_probabilities_out(build: object, digits: np.ndarray) -> None:
    model = add_softmax(build())  # type: ignore[operator]
    assert (model.input.dtype, model.input.shape, model.output.shape) == ("uint8", (None, 28, 28, 1), (None, 10))
    np.testing.assert_allclose(model.predict(digits, verbose=0).sum(axis=1), 1, atol=1e-5)


def test_inverting_an_image_changes_nothing(served: keras.Model, digits: np.ndarray) -> None:
    pictures = np.concatenate([digits, digits // 4 + 50])
    np.testing.assert_array_equal(served.predict(pictures, verbose=0), served.predict(255 - pictures, verbose=0))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_gives_probabilities(served: keras.Model, level: int) -> None:
    blank = np.full((1, 28, 28, 1), level, np.uint8)
    np.testing.assert_allclose(served.predict(blank, verbose=0).sum(), 1, atol=1e-5)


def test_the_model_loads_without_this_repository(tmp_path: Path) -> None:
    code = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]); "
        "print(model.input.dtype, model.input.shape, model.output.dtype, model.output.shape, 'train' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(FOLDER / "model.keras")]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert output == "uint8 (None, 28, 28, 1) float32 (None, 10) False\n"


def test_labels_are_the_digits() -> None:
    assert (FOLDER / "labels.txt").read_text().split() == LABELS


def test_the_model_in_the_repository_is_as_good_as_promised(served: keras.Model, mnist: Mnist) -> None:
    """On all 10,000 test images, on the three ways to read "drawn at 200x300", on sheets, and under corruptions."""

    def accuracy(pixels: np.ndarray) -> float:
        return float((served.predict(pixels, 1000, verbose=0).argmax(axis=1) == mnist.test_labels).mean())

    images = mnist.test_images
    assert accuracy(images) >= 0.994
    assert accuracy(255 - images) >= 0.994
    assert accuracy(draw(images, (200, 300))) >= 0.993
    assert accuracy(draw(images, (300, 200))) >= 0.993
    assert accuracy(draw(images, (200, 300), stretch=True)) >= 0.99
    corrupted = {name: accuracy(pixels) for name, pixels in corrupt(images)}
    assert np.mean([corrupted[name] for name in TRAINABLE]) >= 0.97
    assert np.mean([corrupted[name] for name in UNSEEN]) >= 0.915


def test_a_small_digit_anywhere_on_a_sheet_is_found(served: keras.Model, mnist: Mnist) -> None:
    draws = np.random.default_rng(2)
    for share in SHARES:
        sheets = [prepare(lay(cut(image[..., 0]), share, draws)) for image in mnist.test_images[:500]]
        answers = served.predict(np.stack(sheets), 1000, verbose=0).argmax(axis=1)
        assert (answers == mnist.test_labels[:500]).mean() >= 0.98


def test_what_is_no_digit_is_doubted(served: keras.Model) -> None:
    draws = np.random.default_rng(3)
    for name, uploads in draw_others([], draws, 100).items():
        confidence = served.predict(np.stack([prepare(upload) for upload in uploads]), 1000, verbose=0).max(axis=1)
        assert (confidence <= 0.6).mean() >= 0.6, name


def test_the_card_reports_what_the_model_does(served: keras.Model, mnist: Mnist) -> None:
    name, pixels = next(conditions(mnist.test_images))
    right = int((served.predict(pixels, 1000, verbose=0).argmax(axis=1) == mnist.test_labels).sum())
    assert f"| {name} | {right / 100:.2f} % | {10_000 - right} |" in (FOLDER / "README.md").read_text()
