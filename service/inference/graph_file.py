"""A model file's graph, looked at and changed with onnx; it is read when it is first needed.

onnx takes a sixth of a second to import, and a plain model of pixels needs nothing of it.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ModelError
from service.inference.description import Label
from service.inference.external_data import mentions
from service.inference.image_input import ImageTensor
from service.inference.outline import Span, join, split
from service.inference.session import NO_MODEL

if TYPE_CHECKING:
    import onnx

# What an operation behind the last arithmetic does not change.
PASSING = frozenset(
    "Identity Reshape Squeeze Unsqueeze Flatten Cast Transpose Slice QuantizeLinear DequantizeLinear Dropout".split()  # noqa: SIM905
)
JOINING = "Concat"
FLOATS = (1, 10, 11)  # ONNX's float, float16 and double
TRAINING = b"training_mode"  # attribute of a BatchNormalization
MAPS = b"ZipMap"  # the operation that ends in maps of a label to its probability


class GraphFile:
    """The graph of one ONNX file; its external data is not read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.added: list[str] = []  # outputs that the file does not have
        self.labels: list[Label] = []  # that the graph itself has

    @cached_property
    def _content(self) -> tuple[bytes, onnx.ModelProto, list[Span]]:
        """The file's bytes, its model without large initializers, which `find_source` changes, and where these are.

        Raises:
            ModelError: The file has been damaged since ONNX Runtime looked at it.
        """
        import onnx
        from google.protobuf.message import DecodeError

        data = self.path.read_bytes()
        try:
            model, weights = split(data)
            return data, onnx.load_model_from_string(model), weights
        except (DecodeError, ValueError) as error:
            raise ModelError(NO_MODEL) from error

    @property
    def _model(self) -> onnx.ModelProto:
        return self._content[1]

    def _write(self) -> bytes:
        data, model, weights = self._content
        return join(model.SerializeToString(), data, weights)

    def find_source(self, tensor: ImageTensor) -> Path | bytes:
        """What ONNX Runtime is to load: the file, or its graph with the conversion of pixels before it."""
        if tensor.takes_pixels and not mentions(self.path, TRAINING):
            return self.path
        from service.inference.pixel_graph import prepend_conversion

        self._declare_statistics()
        self._unwrap_maps()
        prepend_conversion(self._model, tensor)
        return self._write()

    def find_own_source(self) -> Path | bytes:
        """What ONNX Runtime is to load where the model takes its own tensor; not to be asked for another source."""
        if not (mentions(self.path, TRAINING) or mentions(self.path, MAPS)):
            return self.path
        self._declare_statistics()
        self._unwrap_maps()
        return self._write()

    def takes_bytes(self, name: str) -> bool:
        """Whether the first arithmetic on an input of floats is made for 0 to 255, as Keras's Rescaling is.

        That is a factor of a hundredth or less, a division by 100 or more, or something like a mean grey subtracted.
        """
        from onnx import numpy_helper

        graph = self._model.graph
        constants = {each.name: each for each in graph.initializer}
        constants |= {node.output[0]: each.t for node in graph.node for each in node.attribute if each.name == "value"}
        readers = {name: node for node in reversed(graph.node) for name in node.input}
        while name in readers and readers[name].op_type in PASSING:
            name = readers[name].output[0]
        node = readers.get(name)
        others = [each for each in node.input if each != name] if node else []
        if node is None or len(node.input) != 2 or len(others) != 1 or others[0] not in constants:
            return False
        constant = constants[others[0]]
        if constant.data_type not in FLOATS or not 0 < math.prod(constant.dims) <= 4 or constant.data_location:
            return False
        values = abs(numpy_helper.to_array(constant))
        if node.op_type == "Mul":
            return bool(values.max() <= 0.01)
        least = {"Div": 100, "Sub": 50}.get(node.op_type, math.inf)
        return node.input[0] == name and bool(values.min() >= least)

    def last_operation(self, output: str) -> str:
        """The operation that gives an output its numbers, "" where that is not one; what only moves them is skipped."""
        makers = {name: node for node in self._model.graph.node for name in node.output}

        def find(name: str) -> str:
            seen = 0
            while name in makers and makers[name].op_type in PASSING and seen < len(makers):
                name, seen = makers[name].input[0], seen + 1
            if name not in makers:
                return ""
            node = makers[name]
            if node.op_type == JOINING:
                found = {find(each) for each in node.input}
                return found.pop() if len(found) == 1 else JOINING
            return str(node.op_type)

        return find(output)

    def _declare_statistics(self) -> None:
        """Make outputs of what a BatchNormalization in training mode gives beside its result.

        ONNX Runtime 1.31 computes another result on the CPU where nobody reads them.
        """
        import onnx

        graph = self._model.graph
        read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
        for node in graph.node:
            training = any(each.name == TRAINING.decode() and each.i for each in node.attribute)
            if node.op_type == "BatchNormalization" and training:
                for name in node.output[1:]:
                    if name and name not in read:
                        self.added.append(name)
                        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))

    def _unwrap_maps(self) -> None:
        """Put the probabilities (N, classes) in the place of maps of a label to each, as scikit-learn's models end."""
        from onnx import TensorProto, helper

        graph = self._model.graph
        for node in [node for node in graph.node if node.op_type == MAPS.decode()]:
            graph.node.remove(node)
            (labels,) = (helper.get_attribute_value(each) for each in node.attribute)
            self.labels = [label.decode() if isinstance(label, bytes) else label for label in labels]
            for index, output in enumerate(graph.output):
                if output.name == node.output[0]:
                    graph.output[index].CopyFrom(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, None))
