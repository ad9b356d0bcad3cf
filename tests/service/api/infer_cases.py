"""Requests for inference, as clients write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.api.tensors import name_datatype

HEADER_LENGTH = "Inference-Header-Content-Length"
Tensor = NDArray[Any]


def as_json(tensor: Tensor, name: str = "image", **others: Any) -> dict[str, Any]:
    """A request whose numbers are a nested list."""
    given = {"name": name, "shape": list(tensor.shape), "datatype": name_datatype(tensor.dtype.name)}
    return {"inputs": [{**given, "data": tensor.tolist()}], **others}


def as_binary(tensor: Tensor, name: str = "image", **others: Any) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a request whose tensor follows the JSON."""
    request = as_json(tensor, name, **others)
    (given,) = request["inputs"]
    del given["data"]
    given["parameters"] = {"binary_data_size": tensor.nbytes}
    return pack(request, tensor.tobytes())


def pack(header: Mapping[str, Any] | bytes, binary: bytes) -> tuple[bytes, dict[str, str]]:
    """A body of JSON and what follows it, and the headers that say so."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return text + binary, {HEADER_LENGTH: str(len(text)), "content-type": "application/octet-stream"}


def unpack(body: bytes, length: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON of an answer, and its outputs by name, whichever way they are given."""
    size = len(body) if length is None else int(length)
    header, position = json.loads(body[:size]), size
    outputs: dict[str, Tensor] = {}
    types = {"FP32": np.float32, "FP16": np.float16, "FP64": np.float64, "INT64": np.int64, "UINT8": np.uint8}
    for output in header["outputs"]:
        dtype = types.get(output["datatype"], object)
        if "data" in output:
            values: Tensor = np.array(output["data"], dtype)
        else:
            end = position + output["parameters"]["binary_data_size"]
            values = np.frombuffer(body[position:end], dtype)
            position = end
        outputs[output["name"]] = values.reshape(output["shape"])
    assert position == len(body)
    return header, outputs
