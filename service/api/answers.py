"""Answers in JSON: a class, or the one sentence and the status of an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Send

from service.api.multipart import Part
from service.errors import DeviceLostError, OverloadError, RequestError
from service.inference.model import Model, Result

JSON = (b"content-type", b"application/json")
INVALID, BUSY = 404, 503
STATUSES: dict[type[RequestError], int] = {OverloadError: BUSY, DeviceLostError: BUSY}  # of all others, INVALID
HEADERS = {BUSY: [(b"retry-after", b"1")]}  # further ones of answers, by status; in seconds
DEFECT = "the server failed on this request; its log says why"


def status_of(error: RequestError) -> int:
    """The HTTP status of an error."""
    return STATUSES.get(type(error), INVALID)


def write_answer(fn: str, result: Result, model: Model, top: int = 0) -> bytes:
    """JSON `{"cls": label, "fn": name}`, with `"top": [[label, probability], …]`, best first, where asked."""
    best, probabilities = result
    answer = b'{"cls":%b,"fn":%b}' % (model.label_json[best], encode_basestring_ascii(fn).encode())
    if not top:
        return answer
    order = np.argsort(-probabilities, kind="stable")[:top]
    ranked = [[model.labels[index], round(float(probabilities[index]), 4)] for index in order]
    return b'%b,"top":%b}' % (answer[:-1], json.dumps(ranked, separators=(",", ":")).encode())


def write_answers(parts: Sequence[Part], results: Sequence[Result], model: Model, top: int) -> bytes:
    """The answer of the only file, or a list of them in the files' order."""
    if len(parts) == 1:
        return write_answer(parts[0].fn, results[0], model, top)
    answers = [write_answer(part.fn, result, model, top) for part, result in zip(parts, results, strict=True)]
    return b"[%b]" % b",".join(answers)


def write_error(message: str) -> bytes:
    """JSON `{"error": message}`."""
    return json.dumps({"error": message}).encode()


def write_json(status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> tuple[Message, Message]:
    """The ASGI messages of a whole JSON body."""
    length = (b"content-length", b"%d" % len(body))
    start = {"type": "http.response.start", "status": status, "headers": [JSON, length, *headers]}
    return start, {"type": "http.response.body", "body": body}


async def send_error(send: Send, error: RequestError | None) -> int:
    """Send `{"error": message}`, of a defect a fixed sentence; returns the status."""
    status = 500 if error is None else status_of(error)
    body = write_error(DEFECT if error is None else str(error))
    for part in write_json(status, body, HEADERS.get(status, ())):
        await send(part)
    return status


async def answer_request_error(request: Request, error: Exception) -> Response:
    """`{"error": …}` for what an endpoint raises about a request."""
    assert isinstance(error, RequestError)
    status = status_of(error)
    headers = {name.decode(): value.decode() for name, value in HEADERS.get(status, ())}
    return Response(write_error(str(error)), status, headers, "application/json")


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """`{"error": …}` for a path or a method that no route has."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}; POST a PNG to /<model>/classify"
    return JSONResponse({"error": message}, error.status_code, error.headers)


async def answer_defect(request: Request, error: Exception) -> Response:
    """One fixed sentence; Starlette raises the error again for the server to log."""
    return JSONResponse({"error": DEFECT}, 500)
