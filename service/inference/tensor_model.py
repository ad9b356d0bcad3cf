"""A model by its own tensors: what its input takes to all of its outputs, as ONNX Runtime gives them.

    tensors, rows of one model → one run → the outputs of each, nothing added

Pictures go through another graph where the model's tensor is not pixels (see `pixel_graph`); then this opens a second
session of the same file, which takes its memory once more. On a GPU it always does: a session that replays CUDA graphs
runs nothing else meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceLostError, ModelError, TensorError
from service.inference.graph_file import GraphFile
from service.inference.model import TRIED_SIDE, Model, stamp
from service.inference.onnx_runtime import first_line, ort
from service.inference.session import Declared, open_session
from service.inference.trial import ABSOLUTE, RELATIVE

Tensor = NDArray[Any]
Outputs = list[Tensor]  # of each of the model's outputs, in their order
KINDS = "float float16 double uint8 uint16 uint32 uint64 int8 int16 int32 int64 bool string"
TYPES = frozenset(f"tensor({kind})" for kind in KINDS.split())  # of outputs, that have a form in NumPy and the protocol
TRIED_ROWS = 3
BFLOAT16 = 16  # of onnx.TensorProto; NumPy knows no such type


class TensorModel:
    """A session that takes the model's own tensor; any number of threads may call `run`."""

    def __init__(self, model: Model) -> None:
        """Open the session, where there is none yet, and see whether rows may share a run.

        Raises:
            ModelError: The file is not the one that was loaded, or does not run so.
        """
        self._model, self._input, self.device = model, model.input, model.device
        self.outputs = tensors_of(model.outputs)
        self._session = self._open()
        self._name: str = self._session.get_inputs()[0].name
        self.works = True
        shape = [side if side > 0 else TRIED_SIDE for side in self._input.whole_shape]
        if not self._input.batch and "N" in self._input.layout:
            shape[0] = 1
        self._blank = np.zeros(shape, self._input.dtype)
        try:
            self._run(self._blank)
            self.shares_runs: bool = self._rows_share_runs()
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            raise ModelError(f"it cannot run on a tensor of its own: {first_line(error)}") from error
        self.max_batch = model.max_batch if self.shares_runs else 1
        self.slots, self.batch_s = model.slots, model.batch_s
        self.is_quick = self.shares_runs and model.is_quick

    def split(self, tensor: Tensor) -> list[Tensor]:
        """What the batcher is given of a tensor: its rows where they may share a run with others', else the whole."""
        return [tensor[row : row + 1] for row in range(len(tensor))] if self.shares_runs else [tensor]

    def run(self, tensors: Sequence[Tensor], /) -> list[Outputs | TensorError]:
        """The outputs of each of at most `max_batch` tensors.

        Raises:
            DeviceLostError: The device has failed.
        """
        try:
            outputs = self._run(tensors[0] if len(tensors) == 1 else np.concatenate(tensors))
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            if not self._answers():
                self.works = False
                raise DeviceLostError(f"the device that runs the model has failed: {first_line(error)}") from error
            if len(tensors) > 1:  # one of them is at fault, and not the others
                return [self.run([tensor])[0] for tensor in tensors]
            return [TensorError(f"the model cannot run on this tensor: {first_line(error)}")]
        if not self.shares_runs:
            return [outputs]
        return [[output[row : row + 1] for output in outputs] for row in range(len(tensors))]

    def _open(self) -> ort.InferenceSession:
        model, path = self._model, self._model.path
        if model.takes_own_tensor and self.device.name == "cpu":
            return model.runner.session
        try:
            if stamp(path) != model.stamp:
                raise ModelError("its file has changed since it was loaded")
            return open_session(GraphFile(path).find_own_source(), replace(self.device, graphs=False), path.parent)
        except OSError as error:
            raise ModelError(f"its file cannot be read any more: {error.strerror}") from error

    def _run(self, tensor: Tensor) -> Outputs:
        names = [output.name for output in self.outputs]
        tensor = np.require(tensor, requirements=["C", "ALIGNED"])  # a view of a body begins anywhere
        fed: Any = tensor
        if tensor.dtype.kind == "V":
            fed = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(tensor.view(np.uint16), BFLOAT16)
        return list(self._session.run(names, {self._name: fed}))

    def _rows_share_runs(self) -> bool:
        """Whether each of three rows has the same outputs in one run as alone, and a row of each output is its own."""
        source = self._input
        if self._model.obstacle or source.open or source.batch or "N" not in source.layout:
            return False
        noise = np.random.default_rng(0).integers(0, 256, (TRIED_ROWS, *source.shape))
        rows = (noise * max(source.scale) + min(source.offset)).astype(source.dtype)
        together, alone = self._run(rows), [self._run(rows[row : row + 1]) for row in range(TRIED_ROWS)]
        return all(_is_row_by_row(output, each) for output, *each in zip(together, *alone, strict=True))

    def _answers(self) -> bool:
        """Whether the model still runs on what it is known to."""
        try:
            self._run(self._blank)
        except Exception:  # as above
            return False
        return True


def tensors_of(outputs: Sequence[Declared]) -> list[Declared]:
    """The outputs that can be given: a map or a sequence, say, has no form in the protocol."""
    return [output for output in outputs if output.dtype in TYPES]


def _is_row_by_row(together: Tensor, alone: Sequence[Tensor]) -> bool:
    if together.shape[:1] != (len(alone),) or any(each.shape != (1, *together.shape[1:]) for each in alone):
        return False
    expected = np.concatenate(alone)
    if expected.dtype.kind != "f":
        return bool((together == expected).all())
    finite = expected[np.isfinite(expected)]
    tolerance = RELATIVE * float(np.ptp(finite) if finite.size else 0) + ABSOLUTE
    return bool(np.allclose(together, expected, rtol=0, atol=tolerance, equal_nan=True))
