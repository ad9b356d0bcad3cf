"""A request's body, within its bounds of bytes and seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, MutableMapping
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from service.errors import LimitError, OverloadError
from service.settings import Settings

Result = TypeVar("Result")


class BodyReader:
    """Reads bodies within the bounds of the settings; `watch` must run beside it.

    One task looks after the time of all bodies: a timer for each would cost more than reading a small body does.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_body_bytes, self.timeout_s = settings.max_body_bytes, settings.body_timeout_s
        self.max_held_bytes = settings.max_held_bytes
        self._held_bytes = 0  # of the requests whose body did not come at once
        self._arriving: dict[asyncio.Task[object], None] = {}  # of them, those whose body is not complete; oldest first
        self._complete = 0  # of them, those whose body is complete: they will make room
        self._room = asyncio.Event()  # set when something held has been released
        self._loop = asyncio.get_running_loop()
        self._started: dict[asyncio.Task[object], float] = {}  # on the loop's clock

    async def read(self, scope: Scope, receive: Receive) -> bytes | bytearray:
        """The whole body.

        Raises:
            LimitError: It is larger, or takes longer, than allowed.
            OverloadError: There was no room for it in time.
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
            return await self._read_chunks(scope, receive, message, task)
        except asyncio.CancelledError:
            if task in self._started:
                raise
            task.uncancel()
            if self._must_wait(task):
                raise OverloadError(
                    f"uploads of more than {self.max_held_bytes} bytes are under way; try again"
                ) from None
            raise LimitError(f"the body took longer than {self.timeout_s} s to arrive") from None
        finally:
            self._started.pop(task, None)
            if self._arriving.pop(task, self) is None:
                self._room.set()

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
    ) -> bytearray:
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            raise self._too_large(int(declared))
        body = bytearray()  # grows in place, so that no turn of the loop joins megabytes

        def release(_: object) -> None:
            self._held_bytes -= held
            self._complete -= complete
            self._room.set()

        held, complete = 0, False
        self._arriving[task] = None
        task.add_done_callback(release)  # as long as the request lasts
        while message["type"] == "http.request":
            body += message["body"]
            self._held_bytes += len(body) - held
            held = len(body)
            if held > self.max_body_bytes:
                raise self._too_large(held)
            if not message.get("more_body"):
                complete = True
                self._complete += 1
                return body
            while self._must_wait(task):
                self._room.clear()
                await self._room.wait()
            message = await receive()  # until then the server stops reading from the socket
        raise ClientDisconnect

    def _must_wait(self, task: asyncio.Task[object]) -> bool:
        """Whether a body's next piece has no room.

        The oldest one goes on when all that is held is still arriving: nothing else would ever make room.
        """
        is_oldest = next(iter(self._arriving), task) is task
        return self._held_bytes > self.max_held_bytes and (self._complete > 0 or not is_oldest)

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
        doing.cancel()


def header(scope: Scope, name: bytes) -> bytes:
    """Value of a request header, empty when it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""
