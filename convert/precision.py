"""A smaller model from a converted one: float16, or int8 by static quantization. What goes in and comes out stays.

    float32 ModelProto → convert_float_to_float16, or quantize_static on calibration images → described as before

What lies before the first convolution or matrix product prepares pixels, and what follows the last one makes
probabilities: both stay in float32. Both conversions are ONNX Runtime's own, of the package that the service needs.
"""

import copy
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxslim
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from convert.errors import GraphError, first_line

PRECISIONS = ("fp16", "int8")
PRODUCTS = ("Conv", "ConvTranspose", "MatMul", "Gemm")
# Between them, what has kernels of integers or only moves numbers; the rest would be rounded for nothing.
QUANTIZED = (
    *PRODUCTS,
    *("Relu", "Clip", "Add", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool"),
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"),
)
BATCH = 10  # images of a calibration run

Numbers = NDArray[Any]  # (n, height, width, channels), as the model takes them


def convert_precision(model: onnx.ModelProto, precision: str, calibration: Numbers) -> onnx.ModelProto:
    """The model in "fp16" or "int8", of the same input, output and metadata.

    Raises GraphError when ONNX Runtime cannot convert it.
    """
    source = copy.deepcopy(model)
    for index, node in enumerate(source.graph.node):
        node.name = f"{node.op_type}_{index}"  # which nodes stay as they are is told by their names
    try:
        reduced = _to_float16(source) if precision == "fp16" else _to_int8(source, calibration)
        _describe(reduced, model, precision)
        onnx.checker.check_model(reduced, full_check=True)
    except Exception as err:  # anything from KeyError to ONNX Runtime's own
        raise GraphError(
            f"The model could not be converted to {precision} ({type(err).__name__}: {first_line(err)}); "
            f"leave --{precision} out."
        ) from err
    return reduced


def _find_kept(model: onnx.ModelProto) -> list[str]:
    # Names of the nodes before the first product and after the last one.
    nodes = list(model.graph.node)
    products = [index for index, node in enumerate(nodes) if node.op_type in PRODUCTS]
    if not products:
        return [node.name for node in nodes]
    return [node.name for node in (*nodes[: products[0]], *nodes[products[-1] + 1 :])]


def _to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    own = {node.name for node in model.graph.node}
    converted = OnnxModel(convert_float_to_float16(model, keep_io_types=True, node_block_list=_find_kept(model)))
    _join_kept(converted.model.graph, own)
    converted.topological_sort()
    reduced: onnx.ModelProto = onnxslim.slim(converted.model)  # without the casts that nothing needs any more
    return reduced


def _join_kept(graph: onnx.GraphProto, own: set[str]) -> None:
    # Around each node that stays in float32 it puts casts, the same one several times: from one such node to the next,
    # numbers would pass through float16, which ends at 65504.
    makers = {node.output[0]: node for node in graph.node}
    casts = {name: node for name, node in makers.items() if node.name not in own}
    for cast in casts.values():
        before = casts.get(cast.input[0])
        if before is not None and onnx.helper.get_node_attr_value(cast, "to") == onnx.TensorProto.FLOAT:
            cast.input[0] = before.input[0]
    del graph.node[:]
    graph.node.extend(makers.values())


def _to_int8(model: onnx.ModelProto, calibration: Numbers) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        logging.disable(logging.WARNING)  # it advises what onnxslim has done
        try:
            quantize_static(
                model,
                path,
                _Reader(model.graph.input[0].name, calibration),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                reduce_range=True,  # weights of 7 bits: 8 overflow on a processor without VNNI, with other answers
                op_types_to_quantize=list(QUANTIZED),
                nodes_to_exclude=_find_kept(model),
                # Logits of 256 levels would be equal for many classes.
                extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(path)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, images: Numbers) -> None:
        self._batches: Iterator[dict[str, Numbers]] = (
            {name: images[start : start + BATCH]} for start in range(0, len(images), BATCH)
        )

    def get_next(self) -> dict[str, Numbers] | None:
        return next(self._batches, None)


def _describe(reduced: onnx.ModelProto, model: onnx.ModelProto, precision: str) -> None:
    # What the conversion has changed of what is not numbers.
    del reduced.graph.value_info[:], reduced.metadata_props[:]
    reduced.metadata_props.extend(model.metadata_props)
    reduced.producer_name, reduced.producer_version = model.producer_name, model.producer_version
    reduced.model_version, reduced.graph.name = model.model_version, model.graph.name
    reduced.doc_string = f"{model.doc_string} Reduced to {precision}."
    for new, old in zip(reduced.graph.input, model.graph.input, strict=True):
        new.CopyFrom(old)
    for new, old in zip(reduced.graph.output, model.graph.output, strict=True):
        new.CopyFrom(old)
