"""Turns a Source into a small, checked ONNX model.

tf2onnx writes the graph, onnxslim folds what is constant. Input `image`, output `probabilities` when the graph ends in
Softmax or Sigmoid and `logits` otherwise, batch dimension `N`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import onnxslim
import tensorflow as tf

from convert.errors import GraphError, first_line
from convert.memory import give_back
from convert.padding import write_padding_out
from convert.source import Source
from convert.tracing import write_onnx

BATCH = "N"
SHAPING = ("Cast", "Identity", "Reshape", "Squeeze", "Flatten", "Transpose")  # leave each number what it is


def build_graph(source: Source, opset: int) -> onnx.ModelProto:
    """Convert `source` to ONNX at `opset`, simplify it and check it.

    Raises GraphError when an operation has no ONNX form or the result is not a valid model.
    """
    model: onnx.ModelProto
    try:
        with _inner_functions_inlined():
            model = write_onnx(source.function, opset)
        _check_operations(model, source)
        _store_constants(model, source)
        _name_output(model)
        _name_batch(model)
        model = onnxslim.slim(model)
        give_back()
        write_padding_out(model)
        _drop_unused_domains(model)
        _name_batch(model)
        onnx.checker.check_model(model, full_check=True)
    except GraphError:
        raise
    except Exception as err:  # tf2onnx and onnxslim raise anything from TypeError to RuntimeError
        raise GraphError(
            f"{source.path} could not be converted to ONNX ({type(err).__name__}: {first_line(err)}); "
            f"{_advise(first_line(err))}."
        ) from err
    return model


def _advise(reason: str) -> str:
    return "another --opset may pass" if "opset" in reason.lower() else "replace the layer that it names"


def count_operations(model: onnx.ModelProto) -> Counter[str]:
    """How many nodes of each operation, e.g. Counter({"Conv": 2, "Relu": 2, ...})."""
    return Counter(node.op_type for node in model.graph.node)


@contextmanager
def _inner_functions_inlined() -> Iterator[None]:
    # Keras hides depthwise and grouped convolutions in a function of its own (jit_compile=True), which tf2onnx would
    # leave in the graph as StatefulPartitionedCall. Run "eagerly" inside our trace, it is inlined.
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def _check_operations(model: onnx.ModelProto, source: Source) -> None:
    # tf2onnx only logs what it cannot express, and leaves the TensorFlow node in the graph.
    unknown = sorted({n.op_type for n in model.graph.node if not onnx.defs.has(n.op_type, n.domain)})
    if unknown:
        raise GraphError(
            f"{source.path} uses TensorFlow operations that tf2onnx cannot express in ONNX ({', '.join(unknown)}); "
            "replace the layers that need them."
        )


def _store_constants(model: onnx.ModelProto, source: Source) -> None:
    # Constants that a layer made outside the trace (Normalization's mean) come out as further inputs.
    captures = source.function.get_concrete_function().graph.captures
    values = {inner.name: outer.numpy() for outer, inner in captures if outer.dtype != tf.resource}
    for extra in [value for value in model.graph.input if value.name in values]:
        model.graph.input.remove(extra)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values[extra.name]), extra.name))


def _name_output(model: onnx.ModelProto) -> None:
    producers = {name: node for node in model.graph.node for name in node.output}
    output = model.graph.output[0]
    node = last = producers[output.name]
    while node.op_type in SHAPING and node.input[0] in producers:
        node = producers[node.input[0]]
    output.name = "probabilities" if node.op_type in ("Softmax", "Sigmoid") else "logits"
    last.output[0] = output.name


def _name_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    # The shapes of what lies between carry tf2onnx's anonymous names (unk__40); any reader infers them anew.
    del model.graph.value_info[:]


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    # tf2onnx always asks for ai.onnx.ml, and a reader without it would refuse the model for nothing.
    used = {node.domain for node in model.graph.node}
    for opset in [opset for opset in model.opset_import if opset.domain not in used]:
        model.opset_import.remove(opset)
