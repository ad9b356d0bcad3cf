"""A model of any image input as a model of pixels: the conversion becomes a part of its graph.

    pixels (N, H, W, C) uint8 → channels swapped → scaled → transposed → the model's own tensor and dtype → the model

So ONNX Runtime converts, on the device where the model runs, and only bytes are copied to a GPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from service.errors import ModelError
from service.inference.image_input import PIXELS, PREFIX, ImageTensor

CHANNELS_FIRST = (0, 3, 1, 2)


def prepend_conversion(path: Path, tensor: ImageTensor) -> bytes:
    """The ONNX model of the file with `PIXELS` (N, H, W, C) uint8 as its input; external data is not read.

    Raises:
        ModelError: The file is too large for one protobuf message, 2 GiB without external data.
    """
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    (own,) = (value for value in graph.input if value.name == tensor.name)
    dimension = own.type.tensor_type.shape.dim[0]
    batch = dimension.dim_value or dimension.dim_param or "N"
    shape = [batch, tensor.height, tensor.width, tensor.channels]
    nodes = _convert(tensor)
    graph.input.remove(own)
    graph.input.insert(0, helper.make_tensor_value_info(PIXELS, onnx.TensorProto.UINT8, shape))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    try:
        data: bytes = model.SerializeToString()
    except Exception as error:  # protobuf's own, EncodeError or ValueError by version
        raise ModelError("it is larger than 2 GiB; store its weights as external data") from error
    return data


def _convert(tensor: ImageTensor) -> list[onnx.NodeProto]:
    """Nodes from `PIXELS` to the model's own input; arithmetic is in float32 whatever the model's dtype."""
    nodes: list[onnx.NodeProto] = []
    last = PIXELS

    def add(operation: str, *constants: np.ndarray, **attributes: Any) -> None:
        nonlocal last
        inputs = [last]
        for value in constants:
            inputs.append(f"{PREFIX}constant{len(nodes)}")
            nodes.append(helper.make_node("Constant", [], inputs[-1:], value=numpy_helper.from_array(value)))
        last = f"{PREFIX}value{len(nodes)}"
        nodes.append(helper.make_node(operation, inputs, [last], last, **attributes))

    if tensor.blue_first:
        add("Gather", np.array([2, 1, 0]), axis=3)
    if tensor.layout == "NCHW":
        add("Transpose", perm=CHANNELS_FIRST)
    elif tensor.layout == "NHW":
        add("Reshape", np.array([-1, tensor.height, tensor.width]))
    if tensor.dtype != np.uint8:
        add("Cast", to=onnx.TensorProto.FLOAT)
        add("Mul", np.array((tensor.high - tensor.low) / 255.0, np.float32))
        if tensor.low:
            add("Add", np.array(tensor.low, np.float32))
        if tensor.dtype != np.float32:
            add("Cast", to=helper.np_dtype_to_tensor_dtype(tensor.dtype))
    nodes[-1].output[0] = tensor.name
    return nodes
