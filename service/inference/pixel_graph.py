"""A model of any image input as a model of pixels: the conversion becomes a part of its graph.

    pixels (N, H, W, C) uint8 → channels swapped → transposed → scaled → the model's own tensor and dtype → the model

So ONNX Runtime converts, on the device where the model runs, and only bytes are copied to a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from service.inference.image_input import INTERNAL, PIXELS, ImageTensor

TRANSPOSED = {"NCHW": [0, 3, 1, 2], "CHW": [2, 0, 1]}


def prepend_conversion(model: onnx.ModelProto, tensor: ImageTensor) -> None:
    """Give the model `PIXELS` (N, H, W, C) uint8 as its input, in place of the one that the tensor describes."""
    graph = model.graph
    (own,) = (value for value in graph.input if value.name == tensor.name)
    dimension = own.type.tensor_type.shape.dim[0]
    sides = [tensor.height or "height", tensor.width or "width"]
    shape = [tensor.batch or dimension.dim_param or "N", *sides, tensor.channels]
    nodes = _convert(tensor)
    graph.input.remove(own)
    graph.input.insert(0, helper.make_tensor_value_info(PIXELS, onnx.TensorProto.UINT8, shape))
    for node in reversed(nodes):
        graph.node.insert(0, node)


def _convert(tensor: ImageTensor) -> list[onnx.NodeProto]:
    """Nodes from `PIXELS` to the model's own input, of operations that are alike in every opset since 7.

    Arithmetic is in float32 whatever the model's dtype.
    """
    nodes: list[onnx.NodeProto] = []
    last = PIXELS

    def add(operation: str, *constants: np.ndarray, **attributes: Any) -> None:
        nonlocal last
        inputs = [last]
        for value in constants:
            inputs.append(f"{INTERNAL}constant{len(nodes)}")
            nodes.append(helper.make_node("Constant", [], inputs[-1:], value=numpy_helper.from_array(value)))
        last = f"{INTERNAL}value{len(nodes)}"
        nodes.append(helper.make_node(operation, inputs, [last], last, **attributes))

    layout, first = tensor.layout, np.array(0)
    if tensor.order == "bgr":
        add("Gather", np.array([2, 1, 0]), axis=3)
    if "N" not in layout:
        add("Gather", first, axis=0)  # the only picture of the batch; a scalar index takes the axis away
    if layout == "NHW":
        add("Gather", first, axis=3)
    elif layout in TRANSPOSED:
        add("Transpose", perm=TRANSPOSED[layout])
    if tensor.dtype != np.uint8 or not tensor.keeps_values:
        _scale(tensor, add)
    if layout == "NC":
        add("Reshape", np.array([-1, tensor.height * tensor.width * tensor.channels]))
    if not nodes:  # pixels as they are, in a graph that something else is changed in
        add("Identity")
    nodes[-1].output[0] = tensor.name
    return nodes


def _scale(tensor: ImageTensor, add: Any) -> None:
    """Bytes to the values and the dtype that the model takes."""
    whole = tensor.dtype.kind in "iu"
    if not (whole and tensor.keeps_values):
        add("Cast", to=onnx.TensorProto.FLOAT)
        scale, offset = np.array(tensor.scale, np.float32), np.array(tensor.offset, np.float32)
        if tensor.layout in TRANSPOSED and len(scale) > 1:
            scale, offset = scale.reshape(-1, 1, 1), offset.reshape(-1, 1, 1)
        if (scale != 1).any():
            add("Mul", scale)
        if whole:
            offset = offset + np.float32(0.5)  # so that Floor rounds
        if offset.any():
            add("Add", offset)
        if whole:
            add("Floor")
    if tensor.dtype != np.float32:
        add("Cast", to=helper.np_dtype_to_tensor_dtype(tensor.dtype))
