"""Max-pooling of padded images, in a form that ONNX Runtime's optimizer leaves right.

Its Pad_Fusion moves zeros that a model pads with into MaxPool's own padding, which never wins: where all of a window is
negative, the answer is no longer 0. So that is what we write, and the zeros as a constant that is compared afterwards:

    Pad(0) → MaxPool    becomes    MaxPool(pads) → Max(0 where a window reached the padding, else the lowest number)
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

LOWEST = np.finfo(np.float32).min


def write_padding_out(model: onnx.ModelProto) -> None:
    """Replace each constant Pad before a MaxPool in place, where the image's size is known."""
    graph = model.graph
    pads = {node.output[0]: node for node in graph.node if node.op_type == "Pad"}
    pools = [node for node in graph.node if node.op_type == "MaxPool" and node.input[0] in pads]
    if not pools:
        return
    shapes = _find_shapes(model)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for pool in pools:
        pad = pads[pool.input[0]]
        padding = _read_padding(pad, pool, constants, shapes.get(pad.input[0], ()))
        if padding is not None:
            _rewrite(graph, pad, pool, padding)
    used = {name for node in graph.node for name in node.input}
    for pad in [pad for name, pad in pads.items() if name not in used]:
        graph.node.remove(pad)


@dataclass(frozen=True)
class _Padding:
    value: float
    reached: NDArray[np.bool_]  # (1, 1, height, width): whether a window of the pool has a padded pixel in it
    pads: list[int]  # of the pool, those of both together


def _read_padding(
    pad: onnx.NodeProto, pool: onnx.NodeProto, constants: dict[str, NDArray[np.float32]], shape: tuple[int, ...]
) -> _Padding | None:
    mode = next((attribute.s for attribute in pad.attribute if attribute.name == "mode"), b"constant")
    amounts = constants.get(pad.input[1])
    value = constants.get(pad.input[2], np.float32(0)) if len(pad.input) > 2 and pad.input[2] else np.float32(0)
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in pool.attribute}
    axes = len(shape) - 2
    if mode != b"constant" or amounts is None or len(pad.input) > 3 or axes < 1 or 0 in shape[2:]:
        return None
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or settings.get("ceil_mode", 0):
        return None
    before, after = amounts[: axes + 2].tolist(), amounts[axes + 2 :].tolist()
    kernel, own = settings["kernel_shape"], settings.get("pads", [0] * 2 * axes)
    pads = [first + second for first, second in zip(before[2:] + after[2:], own, strict=True)]
    # What is padded elsewhere than around the image, cut off, or padded wider than a window has no such form.
    if any(before[:2] + after[:2]) or min(pads) < 0 or any(p >= k for p, k in zip(pads, [*kernel] * 2, strict=True)):
        return None
    reached = np.zeros((1, 1), np.bool_)
    for axis in range(axes):
        window = _reach(
            shape[axis + 2],
            (before[axis + 2], after[axis + 2]),
            (own[axis], own[axes + axis]),
            kernel[axis],
            settings.get("strides", [1] * axes)[axis],
            settings.get("dilations", [1] * axes)[axis],
        )
        reached = reached[..., None] | window
    return _Padding(float(value), reached, pads)


def _reach(
    size: int, pads: tuple[int, int], own: tuple[int, int], kernel: int, stride: int, dilation: int
) -> NDArray[np.bool_]:
    """Whether each window along one axis of `size` holds a padded pixel, (windows,)."""
    padded = pads[0] + size + pads[1]
    count = (padded + sum(own) - dilation * (kernel - 1) - 1) // stride + 1
    places = np.arange(count)[:, None] * stride + np.arange(kernel) * dilation - own[0]  # of the padded image
    inside = (places >= 0) & (places < padded)
    return np.asarray((inside & ((places < pads[0]) | (places >= pads[0] + size))).any(axis=1))


def _rewrite(graph: onnx.GraphProto, pad: onnx.NodeProto, pool: onnx.NodeProto, padding: _Padding) -> None:
    result = pool.output[0]
    for attribute in [attribute for attribute in pool.attribute if attribute.name in ("pads", "auto_pad")]:
        pool.attribute.remove(attribute)
    pool.attribute.append(helper.make_attribute("pads", padding.pads))
    pool.input[0] = pad.input[0]
    pool.output[0] = f"{result}_inside"
    limit = np.where(padding.reached, np.float32(padding.value), LOWEST)
    graph.initializer.append(numpy_helper.from_array(limit, f"{result}_padding"))
    at_least = helper.make_node("Max", [pool.output[0], f"{result}_padding"], [result], f"{pool.name}_padding")
    graph.node.insert(list(graph.node).index(pool) + 1, at_least)


def _find_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of each value, 0 where a size is open."""
    inferred = onnx.shape_inference.infer_shapes(model)
    values = (*inferred.graph.input, *inferred.graph.value_info)
    return {v.name: tuple(dim.dim_value for dim in v.type.tensor_type.shape.dim) for v in values}
