"""Models of each kind that Triton is told apart: batches, types, open sides, several outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from tests.service.models import colour_model, shade_model


def several_outputs(path: Path) -> Path:
    """`colour_model` with a whole number for each picture, and a text of it, beside the scores."""
    model = onnx.load(colour_model(path))
    model.graph.node.append(helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0))
    model.graph.node.append(helper.make_node("Cast", ["best"], ["word"], to=TensorProto.STRING))
    model.graph.output.append(helper.make_tensor_value_info("best", TensorProto.INT64, ["N"]))
    model.graph.output.append(helper.make_tensor_value_info("word", TensorProto.STRING, ["N"]))
    onnx.save(model, path)
    return path


def open_sides(path: Path) -> Path:
    """`colour_model` for pictures of any size, where the metadata says one; Triton is told what the file says."""
    model = onnx.load(colour_model(path, upload_and_classify__size="8x8"))
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"side{axis}"
    onnx.save(model, path)
    return path


def joined_rows(path: Path) -> Path:
    """`colour_model` whose scores are less the mean of all rows: an open batch that must not be shared."""
    model = onnx.load(colour_model(path))
    model.graph.node[0].output[0] = "means"
    model.graph.node.append(helper.make_node("ReduceMean", ["means"], ["all"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Sub", ["means", "all"], ["scores"]))
    onnx.save(model, path)
    return path


def scalar_output(path: Path) -> Path:
    """`colour_model` with the highest score of all rows, which has no sides."""
    model = onnx.load(colour_model(path))
    model.graph.node.append(helper.make_node("ReduceMax", ["scores"], ["highest"], keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("highest", TensorProto.FLOAT, []))
    onnx.save(model, path)
    return path


MAKERS: dict[str, Any] = {
    "bytes": shade_model,
    "fixed": lambda path: shade_model(path, batch=1),
    "four": lambda path: shade_model(path, batch=4),
    "floats": colour_model,
    "halves": lambda path: colour_model(path, dtype=TensorProto.FLOAT16),
    "several": several_outputs,
    "open": open_sides,
    "joined": joined_rows,
    "scalar": scalar_output,
}
