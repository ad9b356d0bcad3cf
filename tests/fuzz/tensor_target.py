"""A request for inference to its tensor: what that may give, and nothing else.

An input is the value of Inference-Header-Content-Length in its first line, and the body behind it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from service.api.infer_request import InferRequest, Signature, read_infer_request
from service.errors import NotOfferedError, TensorError
from service.inference.image_input import ImageTensor
from tests.fuzz.sentences import PYTHON

SHAPE = (3, 2, 2)
IMAGE = ImageTensor("image", np.dtype(np.float32), "NCHW", 2, 2, "rgb", None)
SIGNATURE = Signature(IMAGE, ("scores", "hidden"), 5)
MAX_SENTENCE = 300  # characters
sent = re.compile(" (is|are|holds|called|output) ")  # what follows may be as the client sent it


def check(data: bytes) -> bool:
    """Whether `data` is a request.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    length, _, body = data.partition(b"\n")
    request = _read(body, length)
    assert (request is None) == (_read(bytearray(body), length) is None)
    if request is None:
        return False
    rows, *sides = request.tensor.shape
    assert 0 < rows <= SIGNATURE.max_rows
    assert tuple(sides) == SHAPE
    assert request.tensor.dtype == np.float32
    assert {wanted.name for wanted in request.wanted} <= set(SIGNATURE.outputs)
    if not length or int(length):  # a header of no bytes, in whatever zeros, says that the body is the tensor
        _compare(request, body[: int(length)] if length else body)
    return True


def _read(body: bytes | bytearray, length: bytes) -> InferRequest | None:
    try:
        return read_infer_request(body, length, SIGNATURE)
    except (TensorError, NotOfferedError) as error:
        sentence = str(error)
        assert 10 <= len(sentence) <= MAX_SENTENCE, sentence
        assert sentence.isprintable(), f"not printable: {sentence!r}"
        assert not PYTHON.search(sent.split(sentence)[0]), f"Python in a message: {sentence!r}"
        return None


def _compare(request: InferRequest, text: bytes) -> None:
    """What is accepted is what Python's own reader makes of the same bytes."""
    header = json.loads(text)
    (given,) = header["inputs"]
    assert request.id == header.get("id")
    assert tuple(given["shape"]) == request.tensor.shape
    if "data" in given:
        with np.errstate(over="ignore"):
            expected = np.array(_flatten(given["data"]), np.float64).astype(np.float32)
        np.testing.assert_array_equal(request.tensor.ravel(), expected)


def _flatten(data: Any) -> list[float]:
    if not isinstance(data, list):
        return [data]
    return [number for each in data for number in _flatten(each)]
