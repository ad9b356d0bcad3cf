"""The answer to a request for inference: outputs as JSON, or as bytes behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from service.api.infer_request import InferRequest, Wanted
from service.api.tensors import Tensor, classify, name_datatype, write_binary, write_numbers
from service.errors import TensorError
from service.inference.model import Model
from service.inference.tensor_model import Outputs, TensorModel

Headers = list[tuple[bytes, bytes]]
HEADER_LENGTH = b"inference-header-content-length"
JSON, BINARY = b"application/json", b"application/octet-stream"


def join(parts: Sequence[Outputs]) -> Outputs:
    """The outputs of a whole tensor from those of its rows."""
    return parts[0] if len(parts) == 1 else [np.concatenate(column) for column in zip(*parts, strict=True)]


def write_infer_answer(
    request: InferRequest, outputs: Outputs, model: Model, tensors: TensorModel
) -> tuple[bytes, Headers]:
    """The body, and the headers that say what it is.

    Raises:
        TensorError: An output cannot be given as it is asked for.
    """
    by_name = {declared.name: output for declared, output in zip(tensors.outputs, outputs, strict=True)}
    written: list[bytes] = []
    binary: list[bytes] = []
    for wanted in request.wanted:
        output = by_name[wanted.name]
        if wanted.classes:
            output = _classify(wanted, output, request, model)
        entry = {"name": wanted.name, "datatype": name_datatype(output.dtype.name), "shape": list(output.shape)}
        if wanted.is_binary:
            binary.append(write_binary(output))
            written.append(_dump({**entry, "parameters": {"binary_data_size": len(binary[-1])}}))
        else:
            written.append(b'%b,"data":%b}' % (_dump(entry)[:-1], write_numbers(output, wanted.name)))
    said = {} if request.id is None else {"id": request.id}
    head = _dump({"model_name": model.name, "model_version": str(model.version), **said})
    header = b'%b,"outputs":[%b]}' % (head[:-1], b",".join(written))
    if not binary:
        return header, [(b"content-type", JSON)]
    lengths = [(b"content-type", BINARY), (HEADER_LENGTH, b"%d" % len(header))]
    return b"".join([header, *binary]), lengths


def _classify(wanted: Wanted, output: Tensor, request: InferRequest, model: Model) -> Tensor:
    rows = len(request.tensor) if "N" in model.input.layout else 1
    if output.dtype.kind == "O" or output.size % rows or not output.size:
        raise TensorError(f"output {wanted.name!r} has no values to classify by")
    return classify(output, rows, wanted.classes, None if model.labels == list(range(model.classes)) else model.labels)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
