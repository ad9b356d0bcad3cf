"""A request's body, within its bounds of bytes and seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, MutableMapping
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from service.errors import LimitError, OverloadError, RequestError
from service.memory import give_back
from service.settings import Settings

WATCH_S, SLOW_TURNS = 0.5, 2  # a client may pause for a second
MANY_BYTES = 16 << 20
BUFFERED_BYTES = 320 * 1024  # uvicorn stops reading when it has 64 kB, of which the last piece may have 256 kB
Result = TypeVar("Result")


class Upload:
    """A body that comes in pieces."""

    def __init__(self, buffered: int) -> None:
        self.body = bytearray()  # grows in place, so that no turn of the event loop joins megabytes
        self.buffered = buffered  # bytes that the server may have read of it and not yet handed over
        self.beside = 0  # bytes that the request holds beside it
        self.seen = 0  # bytes of it when `watch` last looked
        self.slow = 0  # how often in a row it has brought too little
        self.waits = False  # whether it has more to bring than there is room for
        self.is_complete = False


class BodyReader:
    """Reads bodies within the bounds of the settings; `watch` must run beside it.

    One task looks after the time of all bodies: a timer for each would cost more than reading a small body does.

    Half of the memory for bodies is for whoever comes first. When it is full, a body is read from as long as it is
    smaller than its equal share of the other half, and the rest waits in the clients. When all of it is full, whoever
    comes is refused. Meanwhile, whoever is read from and brings less than the largest body would need to come in time
    has to leave.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_body_bytes, self.timeout_s = settings.max_body_bytes, settings.body_timeout_s
        self.max_held_bytes = settings.max_held_bytes
        self._held_bytes = 0  # of the requests whose body did not come at once
        self._most_bytes = 0  # of them, as `watch` has seen since none was there
        self._uploads: dict[asyncio.Task[object], Upload] = {}  # their bodies, as long as the requests last
        self._room = asyncio.Event()  # set when something held has been released
        self._is_full = False  # whether somebody has been refused since `watch` last looked
        self._loop = asyncio.get_running_loop()
        self._started: dict[asyncio.Task[object], float] = {}  # when the reading of a body did, on the loop's clock
        self._ended: dict[asyncio.Task[object], RequestError] = {}  # bodies that `watch` ends, and why

    async def read(self, scope: Scope, receive: Receive) -> bytes | bytearray:
        """The whole body.

        Raises:
            LimitError: It is larger, or takes longer, than allowed.
            OverloadError: There was no room for it in time, or it was slow while others waited for room.
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
            return await self._read_pieces(scope, receive, message, task)
        except asyncio.CancelledError:
            error = self._ended.pop(task, None)
            if error is None:
                raise
            task.uncancel()
            raise error from None
        finally:
            self._started.pop(task, None)

    def hold(self, size: int) -> None:
        """Count so many bytes beside its body as held by the current request, until it ends or holds others.

        Raises:
            OverloadError: There is no room for them.
        """
        task = asyncio.current_task(self._loop)
        assert task is not None
        upload = self._uploads.get(task)
        if upload is None:  # its body came at once
            upload = self._uploads[task] = Upload(0)
            upload.is_complete = True
            task.add_done_callback(self._release)
        self._held_bytes += size - upload.beside
        upload.beside = size
        if self._held_bytes > self.max_held_bytes and len(self._uploads) > 1:
            self._is_full = True
            raise self._no_room(self.max_held_bytes)

    async def watch(self) -> None:
        """End the bodies that take too long, or the room of others, for ever."""
        interval_s = min(WATCH_S, self.timeout_s / 4)
        while True:
            await asyncio.sleep(interval_s)
            latest = self._loop.time() - self.timeout_s
            for task in [task for task, started in self._started.items() if started < latest]:
                waits = task in self._uploads and self._uploads[task].waits
                self._end(task, self._no_room(self.max_held_bytes // 2) if waits else self._too_slow())
            self._make_room(max(1, int(interval_s * self.max_body_bytes / self.timeout_s)))
            self._give_back()

    def _make_room(self, least: int) -> None:
        """While others wait, end the bodies that have twice brought less than that in a turn, the largest first."""
        for upload in self._uploads.values():
            is_slow = not (upload.waits or upload.is_complete) and len(upload.body) - upload.seen < least
            upload.slow, upload.seen = upload.slow + 1 if is_slow else 0, len(upload.body)
        is_short = self._is_full or any(upload.waits for upload in self._uploads.values())
        self._is_full = False
        if not is_short:
            return
        held = self._held_bytes
        slow = [item for item in self._uploads.items() if item[1].slow >= SLOW_TURNS and item[0] in self._started]
        for task, upload in sorted(slow, key=lambda item: -len(item[1].body)):
            if held <= self.max_held_bytes // 2:
                break
            held -= len(upload.body) + upload.buffered
            self._end(task, OverloadError("the upload was slow while others waited for its room; try again"))

    def _give_back(self) -> None:
        """Return memory to the system when the last of many bytes has gone."""
        self._most_bytes = max(self._most_bytes, self._held_bytes)
        if self._most_bytes > MANY_BYTES and not self._uploads:
            self._most_bytes = 0
            give_back()

    def _end(self, task: asyncio.Task[object], error: RequestError) -> None:
        del self._started[task]
        self._ended[task] = error
        task.cancel()

    async def _read_pieces(
        self, scope: Scope, receive: Receive, message: MutableMapping[str, Any], task: asyncio.Task[object]
    ) -> bytearray:
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            raise self._too_large(int(declared))
        left = int(declared) if declared.isdigit() else self.max_body_bytes
        if task in self._uploads:  # of an earlier request, where a host serves several in one task
            self._release(task)
        else:
            task.add_done_callback(self._release)
        upload = self._uploads[task] = Upload(min(left, BUFFERED_BYTES))
        self._held_bytes += upload.buffered
        if self._held_bytes > self.max_held_bytes and len(self._uploads) > 1:
            self._is_full = True
            raise self._no_room(self.max_held_bytes)
        while message["type"] == "http.request":
            upload.body += message["body"]
            self._held_bytes += len(message["body"])
            if len(upload.body) > self.max_body_bytes:
                raise self._too_large(len(upload.body))
            if not message.get("more_body"):
                self._held_bytes -= upload.buffered
                upload.is_complete, upload.buffered = True, 0
                return upload.body
            while not self._has_room(upload):
                upload.waits = True
                self._room.clear()
                await self._room.wait()
            upload.waits = False
            message = await receive()  # until then the server stops reading from the socket
        raise ClientDisconnect

    def _release(self, task: asyncio.Task[object]) -> None:
        upload = self._uploads.pop(task)
        self._held_bytes -= len(upload.body) + upload.buffered + upload.beside
        self._ended.pop(task, None)
        self._room.set()

    def _has_room(self, upload: Upload) -> bool:
        """Whether a body may bring its next piece.

        The oldest one goes on when all that is held is still arriving: nothing else would ever make room.
        """
        half = self.max_held_bytes // 2
        if self._held_bytes <= half:
            return True
        if self._held_bytes <= self.max_held_bytes and len(upload.body) <= half // len(self._uploads):
            return True
        uploads = self._uploads.values()
        return next(iter(uploads)) is upload and not any(other.is_complete for other in uploads)

    def _no_room(self, held: int) -> OverloadError:
        return OverloadError(f"uploads of more than {held} bytes are under way; try again")

    def _too_slow(self) -> LimitError:
        return LimitError(f"the body took longer than {self.timeout_s} s to arrive")

    def _too_large(self, size: int) -> LimitError:
        return LimitError(f"the body is {size} bytes or more; at most {self.max_body_bytes} are allowed")


async def until_left(receive: Receive, work: Awaitable[Result]) -> Result:
    """What `work` gives; a client that leaves cancels it. To be called when the whole body has been read.

    Raises:
        ClientDisconnect: The client has left.
    """
    doing = asyncio.ensure_future(work)
    left = asyncio.ensure_future(receive())  # after the whole body, the only message is that the client has left
    try:
        await asyncio.wait((doing, left), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        return await doing
    finally:
        left.cancel()
        if not doing.done():
            doing.add_done_callback(_overlook)
            doing.cancel()


def _overlook(done: asyncio.Future[Any]) -> None:
    """Take note of what nobody waits for, or asyncio logs it: a cancelled `gather` ends with an exception."""
    if not done.cancelled():
        done.exception()


def header(scope: Scope, name: bytes) -> bytes:
    """Value of a request header, empty when it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""
