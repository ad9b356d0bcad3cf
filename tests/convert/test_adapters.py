"""What is put around a model, and which inputs and outputs are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from convert.adapters import ClassOutput, as_classes, choose_output, read_image_input
from convert.errors import SourceError
from convert.loading import Tensor
from tests.convert.conftest import Run
from tests.convert.kinds.inputs import channels_first

PATH = Path("m.keras")


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((None, 28, 20, 1), None, (28, 20, 1, "NHWC")),
        ((None, 28, 20, 4), None, (28, 20, 4, "NHWC")),
        ((None, 3, 28, 20), None, (28, 20, 3, "NCHW")),
        ((None, 1, 28, 28), None, (28, 28, 1, "NCHW")),
        ((None, 3, 28, 3), None, (3, 28, 3, "NHWC")),
        ((None, 28, 20), None, (28, 20, 1, "NHW")),
        ((None, None, None, 3), (9, 8), (9, 8, 3, "NHWC")),
        ((None, None, 8, 3), (9, 8), (9, 8, 3, "NHWC")),
        ((None, 3, None, None), (9, 8), (9, 8, 3, "NCHW")),
        ((None, 9, 8, 3), (9, 8), (9, 8, 3, "NHWC")),
        ((None, 784), (28, 28), (28, 28, 1, "NP")),
        ((None, 3072), (32, 32), (32, 32, 3, "NP")),
    ],
)
def test_layout_and_size_come_from_the_shape(
    shape: tuple[int | None, ...], size: tuple[int, int] | None, expected: tuple[int, int, int, str]
) -> None:
    found = read_image_input(PATH, Tensor("x", shape, "float32"), size)
    assert (found.height, found.width, found.channels, found.layout) == expected


@pytest.mark.parametrize(
    ("dtype", "written"),
    [("uint8", "uint8"), ("int32", "uint8"), ("int64", "uint8"), ("float16", "float32"), ("float64", "float32")],
)
def test_integers_are_bytes_in_the_file(dtype: str, written: str) -> None:
    assert read_image_input(PATH, Tensor("x", (None, 8, 8, 3), dtype), None).dtype == written


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "message"),
    [
        ((None, 10), "float32", None, "takes an input of shape (None, 10), not images"),
        ((None, 10), "float32", (4, 4), "takes 10 numbers, and an image of --size 4x4 has other ones"),
        ((), "float32", None, "takes an input of shape (), not images"),
        ((None, 8, 8, 8, 3), "float32", None, "takes an input of shape (None, 8, 8, 8, 3), not images"),
        ((16, 28, 28, 1), "uint8", None, "fixes its batch size at 16"),
        (
            (None, None, None, 3),
            "uint8",
            None,
            "takes images of any size, (None, None, None, 3); choose one with --size",
        ),
        ((None, 28, 28, 3), "uint8", (28, 29), "takes images of one size, (None, 28, 28, 3), not 28x29; leave --size"),
        ((None, 28, 28, 32), "uint8", None, "takes (None, 28, 28, 32), which has no dimension of channels"),
        ((None, 28, 28, 1), "string", None, "takes string images"),
        ((None, 28, 28, 1), "int8", None, "takes int8 images"),
    ],
)
def test_inputs_that_are_not_images(
    shape: tuple[int | None, ...], dtype: str, size: tuple[int, int] | None, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_image_input(PATH, Tensor("x", shape, dtype), size)
    assert str(caught.value).startswith(f"m.keras {message}")


@pytest.mark.parametrize(
    ("outputs", "name", "expected"),
    [
        ({"a": (None, 10)}, None, ClassOutput("a", 10)),
        ({"a": (None, 1)}, None, ClassOutput("a", 1)),
        ({"a": (None,)}, None, ClassOutput("a", 1)),
        ({"a": (None, 1, 1, 5)}, None, ClassOutput("a", 5)),
        ({"a": (None, 5, 1, 1)}, None, ClassOutput("a", 5)),
        ({"a": (None, 1), "b": (None, 3)}, None, ClassOutput("b", 3)),
        ({"a": (None, 8), "Probabilities": (None, 3)}, None, ClassOutput("Probabilities", 3)),
        ({"a": (None, 8), "b": (None, 3)}, "a", ClassOutput("a", 8)),
        ({"a": (None, 4, 4, 8), "b": (None, 3)}, None, ClassOutput("b", 3)),
    ],
)
def test_the_output_of_the_classes_is_found(
    outputs: dict[str, tuple[int | None, ...]], name: str | None, expected: ClassOutput
) -> None:
    assert choose_output(PATH, [Tensor(*output, "float32") for output in outputs.items()], name) == expected


@pytest.mark.parametrize(
    ("outputs", "name", "message"),
    [
        ({"a": (None, None)}, None, "gives an output of shape 'a' (None, None); a classifier's is (None, classes)"),
        ({"a": (None, 7, 7, 3)}, None, "gives an output of shape 'a' (None, 7, 7, 3)"),
        ({"a": ()}, None, "gives an output of shape 'a' ()"),
        ({"a": (None, 2), "b": (None, 3)}, None, "has 2 outputs, 'a' (None, 2), 'b' (None, 3); say with --output-name"),
        ({"a": (None, 1), "b": (None, 1)}, None, "has 2 outputs"),
        ({"a": (None, 2), "b": (None, 3)}, "c", "has no output 'c'; its outputs are 'a' (None, 2), 'b' (None, 3)"),
        ({"logits": (None, 2), "scores": (None, 3)}, None, "has 2 outputs"),
    ],
)
def test_outputs_that_are_not_classes(
    outputs: dict[str, tuple[int | None, ...]], name: str | None, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        choose_output(PATH, [Tensor(*output, "float32") for output in outputs.items()], name)
    assert str(caught.value).startswith(f"m.keras {message}")


def test_one_value_becomes_two_classes() -> None:
    shares, near = np.array([[0.2], [0.9]], np.float32), np.array([[0.2], [1.01]], np.float32)
    expected, actual = as_classes(shares, near)
    np.testing.assert_allclose(expected, [[0.8, 0.2], [0.1, 0.9]], atol=1e-6)
    np.testing.assert_allclose(actual, [[0.8, 0.2], [-0.01, 1.01]], atol=1e-6)
    logits = np.array([[-3.0], [0.5]], np.float32)
    assert as_classes(logits, logits)[0].tolist() == [[3.0, -3.0], [-0.5, 0.5]]
    several = np.array([[1.0, 2.0]], np.float32)
    assert as_classes(several, several)[0] is several


def test_channels_first_gets_the_same_pixels(keras: Any, tmp_path: Path, run: Run) -> None:
    """The parity check sees the adapter on both sides, so here Keras gets images that numpy has transposed."""
    with channels_first(keras):
        layers = [keras.Input((3, 6, 5)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
    model.save(tmp_path / "first.keras")
    status, output, error = run(tmp_path / "first.keras", "--range", "0..1")
    assert (status, error, "image float32 (N, 6, 5, 3), pixels 0..1" in output) == (0, "", True)
    images = np.random.default_rng(0).random((5, 6, 5, 3), np.float32)
    session = ort.InferenceSession(tmp_path / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    (actual,) = session.run(None, {"image": images})
    np.testing.assert_allclose(actual, model.predict_on_batch(images.transpose(0, 3, 1, 2)), atol=1e-5)


def test_two_labels_name_the_classes_of_one_value(keras: Any, tmp_path: Path, run: Run) -> None:
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "one.keras")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    status, output, _ = run(tmp_path / "one.keras", "--range", "0..1")
    assert (status, "logits float32 (N, 1)" in output, "labels      cat dog" in output) == (0, True, True)
    (tmp_path / "labels.txt").write_text("cat\n")
    status, _, error = run(tmp_path / "one.keras", "--range", "0..1")
    assert (status, "holds 1 labels and the model has 2 classes" in error) == (2, True)
