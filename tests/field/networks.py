"""A case's model as an ONNX file.

    input → float32 → (N, H, W, C) → [what goes wrong in a batch] → features → linear → activation → the output's form

reference.py has the same arithmetic in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.field.case import Good, Network, Wants
from tests.field.reference import EPSILON
from tests.field.weights import SIZE_UNIT, weights_of

# What depends on a picture's neighbours in the batch, or cannot run with any.
QUIRKS = {
    "batch_norm": "BatchNormalization in training mode: the batch's own mean and variance",
    "unread_batch_norm": "the same, and nothing reads the running mean and variance: ONNX Runtime 1.31 errs",
    "own_batch_norm": "the same, written out",
    "batch_max": "divided by the largest value of the batch",
    "batch_mean": "less the mean of the whole batch",
    "flatten_one": "Reshape (1, -1): a batch becomes one long row",
    "softmax_batch": "the old Softmax on axis 0: the whole batch sums to 1",
    "squeeze": "Squeeze, then Softmax on axis 0: of the classes where the batch is 1, else of the batch",
    "first_row": "only the first picture's row comes out",
    "mean_rows": "the mean of all rows comes out",
}
STATISTICS = ("running_mean", "running_variance")  # that a BatchNormalization in training mode gives
DTYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float64": TensorProto.DOUBLE,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}
EXTERNAL_BYTES = 100  # that a tensor has at least, to lie beside the file: shapes stay in it
LAST_ATTRIBUTE_AXES = 12  # the opset after which Unsqueeze and Squeeze take their axes as an input
LAST_REDUCE_ATTRIBUTE_AXES = 17  # … and ReduceMean


class Builder:
    """Nodes one after the other; `last` is the name of the newest value."""

    def __init__(self, opset: int, last: str) -> None:
        self.opset, self.last = opset, last
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """A node of the last value and further inputs."""
        return self.of(operation, self.last, *inputs, **attributes)

    def of(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """A node of these inputs."""
        self.last = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [self.last], f"node{len(self.nodes)}", **attributes))
        return self.last

    def constant(self, values: NDArray[Any] | Sequence[int]) -> str:
        """The name of a constant; a list is of int64."""
        array = values if isinstance(values, np.ndarray) else np.array(values, np.int64)
        name = f"constant{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def floats(self, values: Any) -> str:
        """The name of a float32 constant."""
        return self.constant(np.array(values, np.float32))

    def cast(self, dtype: str) -> str:
        """The last value as another dtype."""
        return self.add("Cast", to=DTYPES[dtype])

    def unsqueeze(self, *axes: int) -> str:
        """The last value with further axes of 1."""
        if self.opset <= LAST_ATTRIBUTE_AXES:
            return self.add("Unsqueeze", axes=list(axes))
        return self.add("Unsqueeze", self.constant(list(axes)))

    def mean(self, source: str, axes: Sequence[int], keepdims: int = 0) -> str:
        """The mean over the axes."""
        if self.opset <= LAST_REDUCE_ATTRIBUTE_AXES:
            return self.of("ReduceMean", source, axes=list(axes), keepdims=keepdims)
        return self.of("ReduceMean", source, self.constant(list(axes)), keepdims=keepdims)

    def linear(self, matrix: NDArray[Any], bias: NDArray[Any], dtype: str) -> str:
        """The last value through a linear layer with weights of that dtype."""
        if dtype != "float32":
            self.cast(dtype)
        numpy_dtype = np.dtype(dtype)
        self.add("MatMul", self.constant(matrix.astype(numpy_dtype)))
        self.add("Add", self.constant(bias.astype(numpy_dtype)))
        return self.last if dtype == "float32" else self.cast("float32")

    def slice(self, source: str, start: str, end: str, axis: int) -> str:
        """From `start` to `end`, names of (1,) int64, on the axis."""
        return self.of("Slice", source, start, end, self.constant([axis]))


def model_of(case: Good) -> onnx.ModelProto:
    """The ONNX model of a good case."""
    return build(case.name, case.network, case.wants, case.metadata)


def save(case: Good, path: Path) -> None:
    """Write the model of a good case, its weights beside it where the case wants that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model = model_of(case)
    if case.external:
        (path.parent / case.external).parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path, save_as_external_data=True, location=case.external, size_threshold=EXTERNAL_BYTES)
    else:
        onnx.save(model, path)


def build(name: str, network: Network, wants: Wants, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The ONNX model of the weights that belong to the name."""
    weights = weights_of(name, network, wants)
    graph = Builder(network.opset, "image")
    if network.dtype != "float32":
        graph.cast("float32")
    _to_nhwc(graph, network, wants)
    _apply_quirk(graph, network, wants)
    named = {"features": _take_features(graph, network, wants, weights.kernels)}
    if network.quirk == "flatten_one":
        graph.add("Reshape", graph.constant([1, -1]))
    named["logits"] = graph.linear(weights.matrix, weights.bias, network.weights_dtype)
    _activate(graph, network)
    if network.quirk == "first_row":
        graph.slice(graph.last, graph.constant([0]), graph.constant([1]), 0)
    elif network.quirk == "mean_rows":
        graph.mean(graph.last, [0], keepdims=1)
    named["rows"] = graph.last
    outputs = [_add_output(graph, network, output, named) for output in network.outputs]
    if network.quirk == "batch_norm":
        outputs += [helper.make_tensor_value_info(each, TensorProto.FLOAT, [wants.depth]) for each in STATISTICS]
    inputs = [helper.make_tensor_value_info("image", DTYPES[network.dtype], network.shape)]
    if network.old_style:
        inputs += [helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in graph.initializers]
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", network.opset)],
        ir_version=3 if network.old_style else 8 if network.opset <= 19 else 10,
        producer_name="matrix",
    )
    helper.set_model_props(model, dict(metadata))
    if all(output.type.tensor_type.HasField("shape") for output in outputs):  # the checker wants one, ONNX does not
        onnx.checker.check_model(model)
    return model


def _to_nhwc(graph: Builder, network: Network, wants: Wants) -> None:
    match network.layout:
        case "NCHW":
            graph.add("Transpose", perm=[0, 2, 3, 1])
        case "NHW":
            graph.unsqueeze(3)
        case "HWC":
            graph.unsqueeze(0)
        case "CHW":
            graph.add("Transpose", perm=[1, 2, 0])
            graph.unsqueeze(0)
        case "NC":
            assert wants.size is not None
            graph.add("Reshape", graph.constant([-1, *wants.size, wants.depth]))


def _apply_quirk(graph: Builder, network: Network, wants: Wants) -> None:
    source, depth = graph.last, wants.depth
    match network.quirk:
        case "batch_norm" | "unread_batch_norm":
            graph.add("Transpose", perm=[0, 3, 1, 2])
            # Scale, shift, mean and variance, each its own: ONNX Runtime updates the last two in place.
            inputs = [graph.last, *(graph.floats(np.full(depth, value)) for value in (1, 0, 0, 1))]
            node = helper.make_node(
                "BatchNormalization", inputs, ["normal", *STATISTICS], epsilon=EPSILON, training_mode=1
            )
            graph.nodes.append(node)
            graph.last = "normal"
            graph.add("Transpose", perm=[0, 2, 3, 1])
        case "own_batch_norm":
            centred = graph.of("Sub", source, graph.mean(source, [0, 1, 2], keepdims=1))
            variance = graph.mean(graph.of("Mul", centred, centred), [0, 1, 2], keepdims=1)
            deviation = graph.of("Sqrt", graph.of("Add", variance, graph.floats(EPSILON)))
            graph.of("Div", centred, deviation)
        case "batch_max":
            graph.of("Div", source, graph.of("ReduceMax", source, keepdims=1))
        case "batch_mean":
            graph.of("Sub", source, graph.mean(source, [0, 1, 2, 3], keepdims=1))


def _take_features(graph: Builder, network: Network, wants: Wants, kernels: NDArray[np.float64]) -> str:
    """(N, features) of (N, H, W, C)."""
    source = graph.last
    if network.body == "pixels":
        return graph.add("Flatten", axis=1)
    if network.body == "conv":
        graph.add("Transpose", perm=[0, 3, 1, 2])
        graph.add("Conv", graph.floats(kernels))
        graph.add("Relu")
        return graph.mean(graph.last, [2, 3])
    if network.body == "halves":
        return _take_halves(graph, source)
    down, across = network.grid
    assert wants.size is not None
    height, width = wants.size
    shape = [-1, down, height // down, across, width // across, wants.depth]
    graph.add("Reshape", graph.constant(shape))
    graph.mean(graph.last, [2, 4])
    return graph.add("Flatten", axis=1)


def _take_halves(graph: Builder, source: str) -> str:
    """The means of the halves, and the size; of an input of any size."""
    shape = graph.of("Shape", source)
    zero, two, end = graph.constant([0]), graph.constant([2]), graph.constant([2**31 - 1])
    parts = []
    for axis in (1, 2):
        half = graph.of("Div", graph.of("Gather", shape, graph.constant([axis]), axis=0), two)
        for start, stop in ((zero, half), (half, end)):
            parts.append(graph.mean(graph.slice(source, start, stop, axis), [1, 2]))
    graph.of("Gather", shape, graph.constant([1, 2]), axis=0)
    graph.cast("float32")
    size = graph.of("Div", graph.last, graph.floats(SIZE_UNIT))
    one = graph.of("Gather", shape, graph.constant([0]), axis=0)
    batch = graph.of("Concat", one, graph.constant([2]), axis=0)
    parts.append(graph.of("Expand", size, batch))
    return graph.of("Concat", *parts, axis=1)


def _activate(graph: Builder, network: Network) -> None:
    match network.head:
        case "softmax" | "percent":
            _add_softmax(graph, network)
        case "sigmoid" | "one_sigmoid":
            graph.add("Sigmoid")
        case "relu":
            graph.add("Relu")
        case "log_softmax":
            graph.add("LogSoftmax", axis=1)
    if network.head == "percent":
        graph.add("Mul", graph.floats(100))


def _add_softmax(graph: Builder, network: Network) -> None:
    match network.quirk:
        case "softmax_batch":
            assert network.opset <= LAST_ATTRIBUTE_AXES
            graph.add("Softmax", axis=0)
        case "squeeze":
            graph.add("Squeeze")
            graph.add("Softmax", axis=0)
        case _:
            graph.add("Softmax", axis=1)


def _add_output(graph: Builder, network: Network, name: str, named: dict[str, str]) -> onnx.ValueInfoProto:
    """Give a value the output's name, and form where it is the one that is meant."""
    graph.last = named["rows"]
    dtype, shape = "float32", None
    match name:
        case "scores" | "probabilities":
            shape = _shape_rows(graph, network)
            dtype = network.output_dtype
            if dtype != "float32":
                graph.cast(dtype)
        case "logits" | "features":
            graph.of("Identity", named[name])
        case "argmax":
            graph.add("ArgMax", axis=1, keepdims=0)
            dtype = "int64"
        case "argmax_column":
            graph.add("ArgMax", axis=1, keepdims=1)
            dtype = "int64"
        case "map":
            graph.of("Identity", "image")
            dtype = network.dtype
        case "second":  # another head: two probabilities of something else
            graph.of("Mul", named["logits"], graph.floats(-1.5))
            graph.add("Softmax", axis=1)
        case "auxiliary":  # another head: logits of the same classes
            graph.of("Mul", named["logits"], graph.floats(-0.7))
    graph.of("Identity", graph.last)
    graph.nodes[-1].output[0] = name
    declared = shape if network.declares_output else None
    return helper.make_tensor_value_info(name, DTYPES[dtype], declared)


def _shape_rows(graph: Builder, network: Network) -> list[Any] | None:
    """Bring (N, values) to the output's form; gives the shape that the file declares."""
    batch = network.output_batch
    values = 1 if network.head.startswith("one_") else network.classes
    if network.quirk == "squeeze":
        return None
    match network.form:
        case "NK":
            return [batch, values]
        case "NK11":
            graph.unsqueeze(2, 3)
            return [batch, values, 1, 1]
        case "NK1":
            graph.unsqueeze(2)
            return [batch, values, 1]
        case "N1K":
            graph.unsqueeze(1)
            return [batch, 1, values]
        case "N11K":
            graph.unsqueeze(1, 2)
            return [batch, 1, 1, values]
        case "K":
            graph.add("Reshape", graph.constant([values]))
            return [values]
        case "N":
            graph.add("Reshape", graph.constant([-1]))
            return [batch]
        case "scalar":
            graph.add("Reshape", graph.constant([]))
            return []
    raise ValueError(network.form)
