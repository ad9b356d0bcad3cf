"""A conversion proves itself or writes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ParityError
from convert.images import make_images
from convert.parity import batch_sizes, compare, move_last_bits
from tests.convert.conftest import Run


def outputs(*rows: list[float]) -> Any:
    return np.array(rows, np.float32)


def test_made_images_vary_in_kind_and_repeat_exactly() -> None:
    images = make_images((12, 10, 3), count=60)
    assert (images.shape, images.dtype.name) == ((60, 12, 10, 3), "uint8")
    assert (images == make_images((12, 10, 3), count=60)).all()
    spread = np.ptp(images.reshape(60, -1), axis=1)
    assert (spread == 0).any()
    assert ((spread > 0) & (spread < 8)).any()
    assert (spread > 200).any()
    assert {0, 255} <= set(np.unique(images[5::6]))


def test_difference_and_agreement_are_measured() -> None:
    parity = compare(outputs([0.2, 0.8], [0.9, 0.1]), outputs([0.2, 0.8], [0.89, 0.11]), tolerance=0.05)
    assert (parity.images, parity.agreement, parity.classes, parity.flat) == (2, 1.0, 2, False)
    assert parity.difference == pytest.approx(0.01)


def test_a_tie_within_the_tolerance_may_fall_either_way() -> None:
    assert compare(outputs([0.5, 0.50001]), outputs([0.50001, 0.5]), tolerance=1e-4).agreement == 1.0


def test_logits_are_measured_against_their_spread() -> None:
    """A bias of 1,000 is the same for all images, and hides no difference."""
    expected = outputs([1000, 990], [1004, 990.5])
    assert compare(expected, expected + np.float32(0.002), tolerance=1e-3).difference == pytest.approx(5e-4, rel=0.05)
    with pytest.raises(ParityError, match=r"largest difference 1\.0e-01, allowed 1\.0e-03"):
        compare(expected, expected + np.float32(0.4), tolerance=1e-3)


def test_a_model_that_rounding_moves_is_allowed_as_much() -> None:
    expected, actual, moved = (
        outputs([0.0, 10.0], [5.0, 0.0]),
        outputs([0.0, 10.02], [5.0, 0.0]),
        outputs([0, 10.01], [5, 0]),
    )
    assert compare(expected, actual, moved, tolerance=1e-4).allowed == pytest.approx(8e-3, rel=0.01)
    with pytest.raises(ParityError, match=r"Keras itself moves by 0\.0e\+00.*where that is exact enough, --tolerance"):
        compare(expected, actual, expected, tolerance=1e-4)


def test_no_rounding_explains_a_hundredth() -> None:
    expected = outputs([0.0, 10.0], [5.0, 0.0])
    with pytest.raises(ParityError, match="allowed 1.0e-02"):
        compare(expected, expected + outputs([0.2, 0]), outputs([0.0, 15.0], [5.0, 0.0]), tolerance=1e-4)


def test_a_larger_tolerance_is_no_cure_for_another_class() -> None:
    with pytest.raises(ParityError, match="classes agree on 50.00%") as caught:
        compare(outputs([0.4, 0.6], [0.4, 0.6]), outputs([0.6, 0.4], [0.4, 0.6]), tolerance=1e-4)
    assert "--tolerance" not in str(caught.value)
    assert "another --opset" in str(caught.value)


def test_last_bits_move_up_and_down() -> None:
    pixels = np.full((3, 8, 8, 1), 100, np.float32)
    moved = move_last_bits(pixels)
    assert np.unique(moved).tolist() == [np.nextafter(np.float32(100), np.float32(to)) for to in (0, 200)]
    assert (moved == move_last_bits(pixels)).all()


@pytest.mark.parametrize(
    ("shape", "sizes"), [((28, 28, 1), (1, 7, 64)), ((224, 224, 3), (1, 7, 8)), ((1000, 1000, 3), (1,))]
)
def test_batches_of_large_images_are_small(shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    assert batch_sizes(np.zeros((1, *shape), np.uint8)) == sizes


@pytest.mark.parametrize("actual", [[0.6, 0.4], [float("nan"), 0.6], [float("inf"), 0.6]])
def test_another_answer_is_an_error(actual: list[float]) -> None:
    with pytest.raises(ParityError, match="ONNX Runtime differs from Keras on 1 images"):
        compare(outputs([0.4, 0.6]), outputs(actual), tolerance=1e-4)


def test_a_model_that_answers_nan_is_an_error() -> None:
    with pytest.raises(ParityError, match="The Keras model itself answers NaN"):
        compare(outputs([float("nan"), 1]), outputs([float("nan"), 1]), tolerance=1e-4)


def test_beyond_the_tolerance_an_earlier_file_stays(model_file: Path, run: Run) -> None:
    good = model_file.parent / "1" / "model.onnx"
    good.parent.mkdir()
    good.write_bytes(b"an earlier good one")
    status, _, error = run(model_file, "--tolerance", 0)
    assert status == 1
    assert error.startswith("error: ONNX Runtime differs from Keras on 240 images: largest difference ")
    assert "nothing was written" in error
    assert good.read_bytes() == b"an earlier good one"
    assert list(good.parent.iterdir()) == [good]


def test_beyond_the_tolerance_no_file_is_made(model_file: Path, run: Run) -> None:
    assert run(model_file, "--tolerance", 0)[0] == 1
    assert sorted(path.name for path in model_file.parent.iterdir()) == ["labels.txt", "model.keras"]


def test_real_images_are_used_where_given(
    model_file: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1000, 12, 10), np.uint8)
    np.savez(tmp_path / "data.npz", x_test=images)
    status, output, _ = run(model_file, "--data", tmp_path / "data.npz")
    assert (status, "comparing   1,000 real images" in output) == (0, True)
    assert "agreement   100.00% of the images, " in output
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "data.npz"))
    status, output, _ = run(model_file)
    assert (status, "comparing   1,000 real images" in output) == (0, True)


def test_images_of_another_shape_are_refused_or_passed_over(
    model_file: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "data.npz", x_test=np.zeros((5, 28, 28), np.uint8))
    message = "data.npz holds uint8 (5, 28, 28, 1) as x_test; the model takes uint8 (n, *(12, 10, 1))."
    status, _, error = run(model_file, "--data", tmp_path / "data.npz")
    assert (status, message in error) == (2, True)
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "data.npz"))
    status, output, _ = run(model_file)
    assert status == 0
    assert message in output
    assert "comparing   240 made images" in output


def test_the_file_can_be_read_by_others(model_file: Path, run: Run) -> None:
    """A server under another user reads it."""
    assert run(model_file)[0] == 0
    assert (model_file.parent / "1" / "model.onnx").stat().st_mode & 0o444 == 0o444
