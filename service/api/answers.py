"""Answers in JSON: a class, or the one sentence and the status of an error."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Message, Scope, Send

from service.api.multipart import Part
from service.errors import DeviceLostError, FailedModelError, OverloadError, RequestError
from service.inference.model import Model, Result

JSON = (b"content-type", b"application/json")
INVALID, INVALID_V2, BUSY = 404, 400, 503  # of /classify and of the protocol under /v2
PROTOCOL = "/v2"
# Of all others, INVALID.
STATUSES: dict[type[RequestError], int] = {OverloadError: BUSY, DeviceLostError: BUSY, FailedModelError: BUSY}
METHOD_NOT_ALLOWED = 405
DEFECT = "the server failed on this request; its log says why"


def status_of(error: RequestError, invalid: int = INVALID) -> int:
    """The HTTP status of an error."""
    return STATUSES.get(type(error), invalid)


def path_of(scope: Scope) -> str:
    """A request's path without the prefix under which another application has mounted this one."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def invalid_of(path: str) -> int:
    """The HTTP status of what is invalid there."""
    return INVALID_V2 if path == PROTOCOL or path.startswith(f"{PROTOCOL}/") else INVALID


def retry_after(error: BaseException | None) -> int:
    """Whole seconds after which a request may be sent again; 0 where that would not help."""
    if isinstance(error, OverloadError):
        return max(1, math.ceil(error.retry_after_s))
    return int(isinstance(error, DeviceLostError))


def headers_of(retry_after_s: int) -> list[tuple[bytes, bytes]]:
    """Further headers of an answer."""
    return [(b"retry-after", b"%d" % retry_after_s)] if retry_after_s else []


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


@lru_cache(64)  # a crowd is refused with the same sentence again and again
def write_error(message: str) -> bytes:
    """JSON `{"error": message}`."""
    return json.dumps({"error": message}).encode()


def write_json(status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> tuple[Message, Message]:
    """The ASGI messages of a whole JSON body."""
    return write_body(status, body, [JSON, *headers])


def write_body(status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> tuple[Message, Message]:
    """The ASGI messages of a whole body, of which the headers say what it is."""
    length = (b"content-length", b"%d" % len(body))
    start = {"type": "http.response.start", "status": status, "headers": [*headers, length]}
    return start, {"type": "http.response.body", "body": body}


async def send_error(send: Send, error: RequestError | None, invalid: int = INVALID) -> int:
    """Send `{"error": message}`, of a defect a fixed sentence; returns the status."""
    status = 500 if error is None else status_of(error, invalid)
    release(error)
    body = write_error(DEFECT if error is None else str(error))
    for part in write_json(status, body, headers_of(retry_after(error))):
        await send(part)
    return status


def release(error: RequestError | None) -> None:
    """Let go of the frames that an error has passed: they hold the upload, and some of them the error itself.

    In such a circle megabytes would wait for Python's collector, which counts objects and not bytes.
    """
    if error is not None:
        error.__traceback__ = error.__context__ = error.__cause__ = None


async def answer_request_error(request: Request, error: Exception) -> Response:
    """`{"error": …}` for what an endpoint raises about a request."""
    assert isinstance(error, RequestError)
    status = status_of(error, invalid_of(path_of(request.scope)))
    release(error)
    headers = {name.decode(): value.decode() for name, value in headers_of(retry_after(error))}
    return Response(write_error(str(error)), status, headers, "application/json")


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """`{"error": …}` for a path or a method that no route has."""
    assert isinstance(error, HTTPException)
    path, headers = path_of(request.scope), error.headers
    if error.status_code == METHOD_NOT_ALLOWED:
        headers = {"allow": ", ".join(find_methods(request))}
    if invalid_of(path) == INVALID_V2:
        message = f"{request.method} {path}: {error.detail}; /openapi.json has what is offered"
        return JSONResponse({"error": message}, INVALID_V2, headers)
    message = f"{request.method} {path}: {error.detail}; POST a PNG to /<model>/classify"
    return JSONResponse({"error": message}, error.status_code, headers)


def find_methods(request: Request) -> list[str]:
    """The methods of all routes that have the request's path; Starlette itself names those of the first."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in route.methods})


async def answer_defect(request: Request, error: Exception) -> Response:
    """One fixed sentence; Starlette raises the error again for the server to log."""
    return JSONResponse({"error": DEFECT}, 500)
