"""ONNX for the TensorFlow operations that tf2onnx lacks or gets wrong, a function each.

tf2onnx calls `write(ctx, node, name, args)` with its graph and the TensorFlow node; the node is replaced or changed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from onnx import TensorProto
from tf2onnx import utils
from tf2onnx.onnx_opset.nn import ConvTranspose

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def write_where(ctx: Any, node: Any, name: str, args: Any) -> None:
    """SelectV2 as Where."""
    # tf2onnx would write c*x + (1-c)*y, in which a NaN or infinity of the branch not taken spoils the result, as in
    # where(range > 0, x / range, 0). Where is as fast in ONNX Runtime.
    node.type = "Where"


def write_bias_add(ctx: Any, node: Any, name: str, args: Any) -> None:
    """BiasAdd as Add; with the channels first, the bias gets an axis for each that follows them."""
    # tf2onnx does so for a constant bias only, and in a SavedModel it is computed from one.
    following = len(ctx.get_shape(node.input[0])) - 2
    if following > 0 and node.get_attr_value("data_format", b"NHWC") == b"NCHW":
        axes = ctx.make_const(utils.make_name("axes"), np.arange(1, 1 + following)).output[0]
        ctx.insert_new_node_on_input(node, "Unsqueeze", [node.input[1], axes], input_index=1)
    node.type = "Add"


def write_erfc(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Erfc, of which the exact GELU is made: erfc(x) = 1 - erf(x)."""
    erf = ctx.make_node("Erf", [node.input[0]])
    _replace(ctx, node, "Sub", [_number(ctx, node, 1), erf.output[0]])


def write_expm1(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Expm1, of which CELU is made: exp(x) - 1."""
    power = ctx.make_node("Exp", [node.input[0]])
    _replace(ctx, node, "Sub", [power.output[0], _number(ctx, node, 1)])


def write_log1p(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Log1p: log(1 + x)."""
    more = ctx.make_node("Add", [node.input[0], _number(ctx, node, 1)])
    _replace(ctx, node, "Log", [more.output[0]])


def write_bucketize(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Bucketize, of which Discretization is made: how many of the boundaries a value has reached."""
    boundaries = np.array(node.get_attr("boundaries").floats, np.float32)
    limits = ctx.make_const(utils.make_name("boundaries"), boundaries)
    axes = ctx.make_const(utils.make_name("axes"), np.array([-1], np.int64)).output[0]
    values = ctx.make_node("Cast", [node.input[0]], {"to": TensorProto.FLOAT})
    column = ctx.make_node("Unsqueeze", [values.output[0], axes])
    reached = ctx.make_node("GreaterOrEqual", [column.output[0], limits.output[0]])
    ones = ctx.make_node("Cast", [reached.output[0]], {"to": TensorProto.INT32})
    _replace(ctx, node, "ReduceSum", [ones.output[0], axes], {"keepdims": 0})


def write_conv_transpose(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Conv2DBackpropInput as tf2onnx writes it, but what its pads lack is output padding instead of negative pads."""
    ConvTranspose.version_11(ctx, node)
    pads = node.get_attr("pads")
    if pads is None:
        return
    axes = len(pads.ints) // 2
    totals = [pads.ints[axis] + pads.ints[axis + axes] for axis in range(axes)]
    begin = [max(total, 0) // 2 for total in totals]
    end = [max(total, 0) - first for total, first in zip(totals, begin, strict=True)]
    node.set_attr("pads", begin + end)
    node.set_attr("output_padding", [max(-total, 0) for total in totals])


def write_resize(ctx: Any, node: Any, name: str, args: Any) -> None:
    """ResizeArea, ResizeBicubic and ScaleAndTranslate (Lanczos, and all that are antialiased) as two constant matrices.

    They weigh rows and columns apart: new = by_rows · image · by_columns.
    """
    height, width = ctx.get_shape(node.input[0])[1:3]
    utils.make_sure(height > 0 and width > 0, "%s needs images of a fixed size", node.type)
    new_height, new_width = (int(side) for side in node.inputs[1].get_tensor_value())
    by_rows = ctx.make_const(utils.make_name("by_rows"), _measure(node, height, new_height))
    by_columns = ctx.make_const(utils.make_name("by_columns"), _measure(node, width, new_width).T.copy())
    pixels = ctx.make_node("Cast", [node.input[0]], {"to": TensorProto.FLOAT})
    planes = ctx.make_node("Transpose", [pixels.output[0]], {"perm": TO_NCHW})
    narrow = ctx.make_node("MatMul", [planes.output[0], by_columns.output[0]])
    small = ctx.make_node("MatMul", [by_rows.output[0], narrow.output[0]])
    _replace(ctx, node, "Transpose", [small.output[0]], {"perm": TO_NHWC})


def _measure(node: Any, old: int, new: int) -> NDArray[np.float32]:
    """The matrix (new, old) of what each old row counts in each new one: TensorFlow's own answers to single rows."""
    rows = np.eye(old, dtype=np.float32).reshape(1, old, 1, old)  # one channel for each row, of which it is 1
    arguments: dict[str, Any] = {"images": rows, "size": (new, 1)}
    if node.type == "ScaleAndTranslate":
        arguments |= {"scale": (new / old, 1.0), "translation": (0.0, 0.0)}
    for name in ("align_corners", "half_pixel_centers", "antialias"):
        if name in node.attr:
            arguments[name] = bool(node.get_attr_value(name))
    if "kernel_type" in node.attr:
        arguments["kernel_type"] = node.get_attr_value("kernel_type").decode()
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:  # tf2onnx is not in eager mode
        measured = session.run(getattr(tf.raw_ops, node.type)(**arguments))
    return np.asarray(measured, np.float32).reshape(new, old)


def _number(ctx: Any, node: Any, value: float) -> str:
    """A constant of the type of the node's input."""
    dtype = utils.map_onnx_to_numpy_type(ctx.get_dtype(node.input[0]))
    constant: str = ctx.make_const(utils.make_name("number"), np.array(value, dtype)).output[0]
    return constant


def _replace(ctx: Any, node: Any, operation: str, inputs: list[str], attributes: dict[str, Any] | None = None) -> None:
    """Another node in the place of this one, with its name, outputs, shapes and types."""
    shapes, dtypes = node.output_shapes, node.output_dtypes
    ctx.remove_node(node.name)
    ctx.make_node(operation, inputs, attr=attributes, outputs=node.output, name=node.name, shapes=shapes, dtypes=dtypes)


Handler = Callable[[Any, Any, str, Any], None]
# In tf2onnx's form, a function and the arguments for it.
HANDLERS: dict[str, tuple[Handler, list[Any]]] = {
    "SelectV2": (write_where, []),
    "BiasAdd": (write_bias_add, []),
    "Erfc": (write_erfc, []),
    "Expm1": (write_expm1, []),
    "Log1p": (write_log1p, []),
    "Bucketize": (write_bucketize, []),
    "Conv2DBackpropInput": (write_conv_transpose, []),
    "ResizeArea": (write_resize, []),
    "ResizeBicubic": (write_resize, []),  # ONNX has it, ONNX Runtime not for channels last, which tf2onnx makes of it
    "ScaleAndTranslate": (write_resize, []),
}
