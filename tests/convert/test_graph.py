"""The graph that comes out: names, types, the dynamic batch, and nothing left over."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.convert.conftest import Run

LEFTOVERS = {"Shape", "Gather", "Slice", "Concat", "Identity", "BatchNormalization", "Squeeze", "Unsqueeze", "Not"}


def dims(value: onnx.ValueInfoProto) -> list[str | int]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def load(path: Path) -> ort.InferenceSession:
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_input_and_output_have_names_types_and_a_dynamic_batch(model_file: Path, run: Run) -> None:
    assert run(model_file)[0] == 0
    graph = onnx.load(model_file.parent / "1" / "model.onnx").graph
    assert [(v.name, dims(v), v.type.tensor_type.elem_type) for v in (*graph.input, *graph.output)] == [
        ("image", ["N", 12, 10, 1], onnx.TensorProto.UINT8),
        ("probabilities", ["N", 3], onnx.TensorProto.FLOAT),
    ]


def test_nothing_is_computed_that_is_constant(model_file: Path, run: Run) -> None:
    assert run(model_file)[0] == 0
    model = onnx.load(model_file.parent / "1" / "model.onnx")
    operations = [node.op_type for node in model.graph.node]
    assert not LEFTOVERS & set(operations)
    assert operations.count("Conv") == 1
    assert operations.count("Transpose") <= 1  # before Flatten only: with one channel the image needs none
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("batch", [1, 2, 33])
def test_any_batch_size_gives_what_keras_gives(batch: int, model_file: Path, classifier: Any, run: Run) -> None:
    assert run(model_file)[0] == 0
    images = np.random.default_rng(batch).integers(0, 256, (batch, 12, 10, 1), np.uint8)
    (actual,) = load(model_file.parent / "1" / "model.onnx").run(None, {"image": images})
    np.testing.assert_allclose(actual, classifier.predict_on_batch(images), atol=1e-6)


def test_the_branch_not_taken_may_be_nan(model_file: Path, classifier: Any, run: Run) -> None:
    """tf2onnx's own form of where(c, x, y) is c*x + (1-c)*y, which is NaN if either is."""
    assert run(model_file)[0] == 0
    blank = np.full((1, 12, 10, 1), 200, np.uint8)
    (actual,) = load(model_file.parent / "1" / "model.onnx").run(None, {"image": blank})
    np.testing.assert_allclose(actual, classifier.predict_on_batch(blank), atol=1e-6)


def test_opset_is_the_one_asked_for(model_file: Path, run: Run) -> None:
    assert run(model_file, "--opset", 18)[0] == 0
    assert onnx.load(model_file.parent / "1" / "model.onnx").opset_import[0].version == 18


def test_logits_are_called_logits(float_classifier: Any, tmp_path: Path, run: Run) -> None:
    float_classifier.save(tmp_path / "rgb.keras")
    assert run(tmp_path / "rgb.keras", "--range=-1..1")[0] == 0
    session = load(tmp_path / "1" / "model.onnx")
    assert [(v.name, v.type, v.shape) for v in (*session.get_inputs(), *session.get_outputs())] == [
        ("image", "tensor(float)", ["N", 8, 8, 3]),
        ("logits", "tensor(float)", ["N", 4]),
    ]


def test_a_cast_after_the_softmax_does_not_hide_it(keras: Any, tmp_path: Path, run: Run) -> None:
    image = keras.Input((4, 4, 1))
    half = keras.layers.Dense(2, activation="softmax", dtype="float16")(keras.layers.Flatten()(image))
    keras.Model(image, half).save(tmp_path / "half.keras")
    assert run(tmp_path / "half.keras", "--tolerance", "0.01", "--range", "0..1")[0] == 0
    assert [(v.name, v.type) for v in load(tmp_path / "1" / "model.onnx").get_outputs()] == [
        ("probabilities", "tensor(float)")
    ]


def test_gelu_grouped_convolution_and_layer_constants_convert(keras: Any, tmp_path: Path, run: Run) -> None:
    """Three things that tf2onnx alone does not manage: ConvNeXt and EfficientNet are made of them."""
    image = keras.Input((8, 8, 3))
    pixels = keras.layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[4000.0, 3900.0, 3800.0])(image)
    hidden = keras.layers.Conv2D(6, 3, groups=3, activation="gelu")(pixels)
    output = keras.layers.Dense(4, activation="softmax")(keras.layers.GlobalAveragePooling2D()(hidden))
    keras.Model(image, output).save(tmp_path / "next.keras")
    status, _, error = run(tmp_path / "next.keras")
    assert (status, error) == (0, "")
    assert [v.name for v in onnx.load(tmp_path / "1" / "model.onnx").graph.input] == ["image"]


def test_an_operation_without_onnx_form_is_named(keras: Any, tmp_path: Path, run: Run) -> None:
    image = keras.Input((8, 8, 1))
    real, imaginary = keras.ops.fft2((image[..., 0], image[..., 0] * 0))
    pixels = keras.layers.Flatten()(real * real + imaginary * imaginary)
    keras.Model(image, keras.layers.Dense(2)(pixels)).save(tmp_path / "fft.keras")
    status, _, error = run(tmp_path / "fft.keras")
    assert status == 1
    assert error.startswith(f"error: {tmp_path}/fft.keras ")
    assert error.count("\n") == 1
    assert not (tmp_path / "1").exists()
