"""Requests for inference as clients send them, and the words that they are made of."""

from __future__ import annotations

import json
from typing import Any

ZEROS = [[[[0.0, 0.5], [1, -1e3]]] * 3]
WORDS = [
    *rb"""{ } [ ] , : " \" \\ 0 1 -1 1.5 1e5 1E-3 1e999 NaN Infinity true false null [] {} [[ ]] ], ,[ [1,2] 12 "data"
    "data":[ "data":[1]} "d\u0061ta" "inputs" "outputs" "id" "name" "image" "scores" "hidden" "shape" "datatype" "FP32"
    "FP16" "parameters" "binary_data_size" "binary_data" "binary_data_output" "classification" "timeout" "sequence_id"
    "shared_memory_region" [1,3,2,2] [2,3,2,2] [-1,3,2,2] \ud800 9223372036854775808 48""".split(),
    *(b" ", b"\n", b"\t", b"\xff", b"\x00", b"\xef\xbb\xbf", b"[" * 300, b"0," * 100, b"0" * 300),
]


def tensor_seeds() -> dict[str, list[bytes]]:
    """Inputs by where they are from."""
    flat = [0, 1, 2.5, -3, 4e2, 5, 6, 7, 8, 9, 10, 11]
    outputs = [{"name": "scores", "parameters": {"classification": 2, "binary_data": True}}, {"name": "hidden"}]
    binary = _request(parameters={"binary_data_size": 48})
    return {
        "made here": [
            b"\n" + _dump(_request(data=ZEROS)),
            b"\n" + _dump(_request(data=flat) | {"id": "ä", "outputs": outputs}),
            b"\n" + json.dumps(_request(data=ZEROS), indent=1).encode(),
            b"%d\n%b%b" % (len(_dump(binary)), _dump(binary), bytes(48)),
            b"0\n" + bytes(96),
            b"\n" + _dump(_request(data=["a"])),
            b"\n" + _dump(_request(parameters={"shared_memory_region": "x"})),
            b"\n" + _dump({"inputs": [{"data": [1]}, {"data": [[2]]}], "parameters": {"data": [3], "timeout": 4}}),
        ]
    }


def _request(**others: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "image", "shape": [1, 3, 2, 2], "datatype": "FP32", **others}]}


def _dump(request: dict[str, Any]) -> bytes:
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()
