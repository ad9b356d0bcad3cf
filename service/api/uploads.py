"""A request to the files it brings: the body within its bounds, then multipart parts or one bare PNG."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from service.api.multipart import Part, read_parts
from service.errors import LimitError, OverloadError, UploadError
from service.settings import Settings

FIELD = "file"
FORM, BARE = b"multipart/form-data", (b"image/png", b"application/octet-stream")


class Query(NamedTuple):
    """What the query string asks."""

    fn: str = ""  # name of a bare body
    top: int = 0  # how many classes to list


NO_QUERY = Query()


class BodyReader:
    """Reads bodies within the bounds of the settings; `watch` must run beside it.

    One task looks after the time of all bodies: a timer for each would cost more than reading a small body does.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_body_bytes, self.timeout_s = settings.max_body_bytes, settings.body_timeout_s
        self.max_held_bytes = settings.max_held_bytes
        self._held: dict[asyncio.Task[object], int] = {}  # bytes of the requests whose body did not come at once
        self._loop = asyncio.get_running_loop()
        self._started: dict[asyncio.Task[object], float] = {}  # on the loop's clock

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            LimitError: It is larger, or takes longer, than allowed.
            ClientDisconnect: The client has left.
        """
        task = asyncio.current_task(self._loop)  # without the loop it is looked up by a system call
        assert task is not None
        self._started[task] = self._loop.time()
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message["body"]
                if len(body) > self.max_body_bytes:
                    raise self._too_large(len(body))
                return body
            self._held[task] = 0
            task.add_done_callback(self._held.pop)
            return await self._read_chunks(scope, receive, message, task)
        except asyncio.CancelledError:
            if task in self._started:
                raise
            task.uncancel()
            raise LimitError(f"the body took longer than {self.timeout_s} s to arrive") from None
        finally:
            self._started.pop(task, None)

    async def watch(self) -> None:
        """Stop the bodies that take too long, for ever."""
        while True:
            await asyncio.sleep(min(1.0, self.timeout_s / 4))
            latest = self._loop.time() - self.timeout_s
            for task in [task for task, started in self._started.items() if started < latest]:
                del self._started[task]
                task.cancel()

    async def _read_chunks(
        self, scope: Scope, receive: Receive, message: MutableMapping[str, Any], task: asyncio.Task[object]
    ) -> bytes:
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            raise self._too_large(int(declared))
        chunks, size = [], 0
        while message["type"] == "http.request":
            chunks.append(message["body"])
            size += len(message["body"])
            if size > self.max_body_bytes:
                raise self._too_large(size)
            self._held[task] = size
            if sum(self._held.values()) > self.max_held_bytes:
                raise OverloadError(f"uploads of more than {self.max_held_bytes} bytes are under way; try again")
            if not message.get("more_body"):
                return b"".join(chunks)
            message = await receive()
        raise ClientDisconnect

    def _too_large(self, size: int) -> LimitError:
        return LimitError(f"the body is {size} bytes or more; at most {self.max_body_bytes} are allowed")


def read_uploads(scope: Scope, body: bytes, query: Query, max_parts: int) -> list[Part]:
    """The parts that bring a file, in their order; at least one.

    Raises:
        UploadError: No file, or a body that cannot be read.
        LimitError: Too many parts.
    """
    content_type = header(scope, b"content-type")
    if content_type[: len(FORM)].lower() == FORM:
        parts = read_parts(body, content_type, max_parts)
        if len(parts) == 1 and parts[0].field == FIELD and parts[0].data:
            return parts
        uploads = [part for part in parts if part.field == FIELD]
        # A browser sends an empty, nameless file for a form in which none was chosen.
        if not uploads or uploads == [(FIELD, "", b"")]:
            raise UploadError(f"no file was uploaded; send a PNG as the multipart part {FIELD!r}")
        return uploads
    if content_type.partition(b";")[0].strip().lower() in BARE:
        return [Part(FIELD, query.fn, body)]
    kind = content_type.decode("latin-1") or "absent"
    raise UploadError(f"the Content-Type is {kind}; send multipart/form-data with a part {FIELD!r}, or image/png")


def read_query(query_string: bytes) -> Query:
    """The query's `fn` and `top`.

    Raises:
        UploadError: `top` is not a whole number of at least 1.
    """
    if not query_string:
        return NO_QUERY
    values = parse_qs(query_string.decode("latin-1"))
    fn, top = values.get("fn", [""])[0], values.get("top", [""])[0]
    if not top:
        return Query(fn)
    if not (top.isascii() and top.isdecimal() and len(top) < 10 and int(top) > 0):
        raise UploadError(f"top is {top[:20]!r}; it must be a whole number of at least 1")
    return Query(fn, int(top))


def header(scope: Scope, name: bytes) -> bytes:
    """Value of a request header, empty when it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""
