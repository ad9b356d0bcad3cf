"""Writes a TensorFlow function as ONNX: tf2onnx's own steps, without those that cost memory and give nothing here.

Left out are TensorFlow's graph optimizer (Grappler), which holds a dozen copies of the weights at once, and the copy of
the whole graph that tf2onnx makes before each of its two dozen passes. onnxslim folds what Grappler would have folded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnx
import tensorflow as tf
from tf2onnx.optimizer import optimize_graph
from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase
from tf2onnx.tf_loader import (
    convert_variables_to_constants_large_model,
    fix_freezing_errors,
    fix_freezing_errors_part2,
)
from tf2onnx.tfonnx import process_tf_graph

from convert.handlers import HANDLERS
from convert.memory import give_back


def write_onnx(function: Any, opset: int) -> onnx.ModelProto:
    """The model of a tf.function of one argument that returns {"output": …}; raises whatever tf2onnx does."""
    traced = function.get_concrete_function()
    inputs = [tensor.name for tensor in traced.inputs if tensor.dtype != tf.resource]
    outputs = [tensor.name for tensor in traced.outputs]
    constants = _freeze(traced)
    give_back()
    with tf.device("/CPU:0"), tf.Graph().as_default() as graph:
        tf.import_graph_def(constants, name="")
        del constants
        written = process_tf_graph(
            graph,
            continue_on_error=True,
            opset=opset,
            custom_op_handlers=HANDLERS,
            input_names=inputs,
            output_names=outputs,
            tensors_to_rename={inputs[0]: "image", outputs[0]: "output"},
        )
    del graph
    give_back()
    with _passes_in_place():
        model: onnx.ModelProto = optimize_graph(written, catch_errors=False).make_model("")
    del written
    give_back()
    return model


def _freeze(traced: Any) -> Any:
    """The graph with its variables as constants, as a GraphDef."""
    constants = convert_variables_to_constants_large_model(
        traced
    )  # large: never made a function again, which takes copies
    return fix_freezing_errors_part2(fix_freezing_errors(constants))


@contextmanager
def _passes_in_place() -> Iterator[None]:
    # tf2onnx writes all weights into its protobuf messages after each pass, whose memory only grows; make_model writes
    # them once more in the end, and nothing reads them before.
    original = GraphOptimizerBase.optimize

    def optimize(self: Any, graph: Any, iteration: int) -> Any:
        self.opt_iteration = iteration
        graph = self._optimize(graph)
        graph.delete_unused_nodes(graph.outputs)
        return graph

    GraphOptimizerBase.optimize = optimize
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = original
