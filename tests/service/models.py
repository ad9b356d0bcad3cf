"""Tiny real ONNX models whose answers are known, for the tests of the service."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = list[int | str]


def save(path: Path, nodes: list[onnx.NodeProto], shape: Shape, dtype: int, classes: int, **metadata: str) -> Path:
    """Write a model of `nodes` from `image` to `scores` (N, classes) float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", dtype, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], classes])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key.replace("__", "."): value for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def shade_model(path: Path, size: int = 4, batch: int | str = "N", **metadata: str) -> Path:
    """(N, size, size, 1) uint8 → probabilities of 0 dark and 1 light: the mean grey."""
    return save(
        path,
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
            constant("white", 255.0),
            helper.make_node("Div", ["mean", "white"], ["light"]),
            constant("one", 1.0),
            helper.make_node("Sub", ["one", "light"], ["dark"]),
            helper.make_node("Concat", ["dark", "light"], ["scores"], axis=1),
        ],
        [batch, size, size, 1],
        TensorProto.UINT8,
        2,
        **metadata,
    )


def colour_model(path: Path, size: int = 4, dtype: int = TensorProto.FLOAT, **metadata: str) -> Path:
    """(N, 3, size, size) float → the mean of each channel as logits: 0 red, 1 green, 2 blue."""
    mean = "mean" if dtype != TensorProto.FLOAT else "scores"
    nodes = [helper.make_node("ReduceMean", ["image"], [mean], axes=[2, 3], keepdims=0)]
    if dtype != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", ["mean"], ["scores"], to=TensorProto.FLOAT))
    return save(path, nodes, ["N", 3, size, size], dtype, 3, **metadata)


def constant(name: str, value: float) -> onnx.NodeProto:
    """A node that gives one float."""
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.float32)))
