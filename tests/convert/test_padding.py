"""Zeros around an image stay zeros for max-pooling, whatever an optimizer does."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from convert.graph import count_operations
from convert.padding import write_padding_out
from convert.silence import silenced


@st.composite
def axes(draw: st.DrawFn) -> dict[str, int]:
    """Of one axis: the window, and padding narrower than it."""
    kernel = draw(st.integers(1, 4))
    before, after = draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))
    dilation = draw(st.integers(1, 2 if kernel > 3 else 3))
    return {"kernel": kernel, "before": before, "after": after, "dilation": dilation, "stride": draw(st.integers(1, 3))}


def pooling(pads: list[int], value: float | None = None, mode: str = "constant", **attributes: Any) -> onnx.ModelProto:
    """Pad → MaxPool on (N, 2, 9, 7)."""
    constants = [numpy_helper.from_array(np.array(pads, np.int64), "pads")]
    if value is not None:
        constants.append(numpy_helper.from_array(np.array(value, np.float32), "value"))
    nodes = [
        helper.make_node("Pad", ["image", *(constant.name for constant in constants)], ["padded"], mode=mode),
        helper.make_node("MaxPool", ["padded"], ["largest"], "pool", **attributes),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 2, 9, 7])
    largest = helper.make_tensor_value_info("largest", TensorProto.FLOAT, ["N", 2, None, None])
    graph = helper.make_graph(nodes, "pooling", [image], [largest], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, optimized: bool) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).normal(-2, 1, (3, 2, 9, 7)).astype(np.float32)
    result: NDArray[np.float32] = session.run(None, {"image": images})[0]
    return result


def around(sides: tuple[int, ...]) -> list[int]:
    return [0, 0, *sides[:2], 0, 0, *sides[2:]]


def test_the_optimizer_is_wrong_without_it() -> None:
    """The reason for all this; when it fails, ONNX Runtime has been repaired."""
    model = pooling(around((1, 1, 1, 1)), kernel_shape=[3, 3], strides=[2, 2])
    assert (run(model, optimized=False) != run(model, optimized=True)).any()


@settings(max_examples=50, deadline=None)
@given(axes(), axes(), st.sampled_from([None, 0.0, -1.5, 3.0]))
def test_every_window_gets_what_it_got(high: dict[str, int], wide: dict[str, int], value: float | None) -> None:
    pads = around((high["before"], wide["before"], high["after"], wide["after"]))
    pairs: dict[str, Any] = {f"{name}s": [high[name], wide[name]] for name in ("stride", "dilation")}
    model = pooling(pads, value, kernel_shape=[high["kernel"], wide["kernel"]], **pairs)
    expected = run(model, optimized=False)
    write_padding_out(model)
    onnx.checker.check_model(model, full_check=True)
    assert count_operations(model) == {"MaxPool": 1, "Max": 1}
    for optimized in (False, True):
        np.testing.assert_array_equal(run(model, optimized), expected)


@pytest.mark.parametrize(
    "model",
    [
        pooling([0, 0, 1, 1, 0, 0, 1, 1], mode="edge", kernel_shape=[3, 3]),
        pooling([0, 0, 3, 3, 0, 0, 0, 0], kernel_shape=[2, 2]),
        pooling([0, 1, 1, 1, 0, 0, 0, 0], kernel_shape=[3, 3]),
        pooling([0, 0, 1, 1, 0, 0, 1, 1], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        pooling([0, 0, -1, 0, 0, 0, 0, 0], kernel_shape=[2, 2]),
    ],
    ids=["edge", "wider than a window", "channels", "ceil", "cut off"],
)
def test_what_has_no_such_form_is_left_alone(model: onnx.ModelProto) -> None:
    before = model.SerializeToString()
    write_padding_out(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("pooling_layer", ["MaxPooling2D", "AveragePooling2D"])
def test_a_keras_model_agrees_with_every_optimizer_on(keras: Any, pooling_layer: str) -> None:
    from convert.graph import build_graph
    from convert.source import Source

    image = keras.Input((12, 12, 3))
    padded = keras.layers.ZeroPadding2D(1)(keras.layers.Rescaling(-1 / 255, offset=-0.5)(image))
    pooled = getattr(keras.layers, pooling_layer)(3, 2)(padded)
    model = keras.Model(image, keras.layers.Flatten()(pooled))
    images = np.random.default_rng(0).uniform(0, 255, (5, 12, 12, 3)).astype(np.float32)
    with silenced():
        import tensorflow as tf

        signature = [tf.TensorSpec((None, 12, 12, 3), tf.float32, name="image")]
        function = tf.function(lambda image: {"output": model(image)}, input_signature=signature)
        written = build_graph(Source(None, function, (12, 12, 3), "float32", 108), 17)  # type: ignore[arg-type]
    session = ort.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"])
    (actual,) = session.run(None, {"image": images})
    np.testing.assert_allclose(actual, model(images), atol=1e-6)
