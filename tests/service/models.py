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


def hungry_model(path: Path, fits: int) -> Path:
    """`shade_model` that allocates 40 TB for a batch of more than `fits` images, and 4 bytes for a smaller one."""

    def whole(name: str, *values: int) -> onnx.NodeProto:
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(values, np.int64)))

    shade = onnx.load(shade_model(path)).graph.node
    shade[-1].output[0] = "shade"
    nodes = [
        *shade,
        helper.make_node("Shape", ["image"], ["count"], start=0, end=1),
        whole("limit", fits + 1),
        helper.make_node("Div", ["count", "limit"], ["over"]),
        whole("bit", 1),
        helper.make_node("Min", ["over", "bit"], ["much"]),
        whole("terabytes", 10**13),
        helper.make_node("Mul", ["much", "terabytes"], ["more"]),
        helper.make_node("Add", ["more", "bit"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["shade", "zero"], ["scores"]),
    ]
    return save(path, nodes, ["N", 4, 4, 1], TensorProto.UINT8, 2)


def nan_model(path: Path, above: int) -> Path:
    """(N, 4, 4, 1) uint8 → two scores, NaN where the mean grey is above the limit: the root of less than 0."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        constant("limit", float(above)),
        helper.make_node("Sub", ["limit", "mean"], ["below"]),
        helper.make_node("Sqrt", ["below"], ["root"]),
        helper.make_node("Concat", ["root", "root"], ["scores"], axis=1),
    ]
    return save(path, nodes, ["N", 4, 4, 1], TensorProto.UINT8, 2)


def picky_model(path: Path) -> Path:
    """(N, 1, 1, 1) uint8 → two scores; a pixel of 2 or more makes the run fail, as an index that is out of range."""
    nodes = [
        helper.make_node("Cast", ["image"], ["index"], to=TensorProto.INT64),
        helper.make_node("Flatten", ["index"], ["flat"]),
        helper.make_node("Constant", [], ["table"], value=numpy_helper.from_array(np.array([1, 2], np.float32))),
        helper.make_node("Gather", ["table", "flat"], ["one"]),
        helper.make_node("Concat", ["one", "one"], ["scores"], axis=1),
    ]
    return save(path, nodes, ["N", 1, 1, 1], TensorProto.UINT8, 2)


def external_model(path: Path, size: int = 64, location: str = "weights.bin") -> Path:
    """(N, 3, size, size) float → logits, of which the brightest channel's is the highest; factors are in a file."""
    colour_model(path, size)
    model = onnx.load(path)
    weights = numpy_helper.from_array(np.full((1, 3, size, size), 9, np.float32), "weights")
    model.graph.initializer.append(weights)
    model.graph.node.insert(0, helper.make_node("Mul", ["image", "weights"], ["weighted"]))
    model.graph.node[1].input[0] = "weighted"
    onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)
    return path
