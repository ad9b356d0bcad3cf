"""A small HTTP/1.1 client for load: keep-alive connections, one request at a time on each.

An answer is timed from the moment its request is handed to the socket until its last byte has arrived.
It knows answers with a Content-Length only, as every server here sends them.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import SplitResult

from bench.upload import Upload

try:
    from uvloop import new_event_loop
except ImportError:  # not on Windows
    from asyncio import new_event_loop

TIMEOUT_S = 180.0  # for one answer; longer than the service itself takes at most, SERVICE_DEADLINE_S
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"


class Answer(NamedTuple):
    """What came back for one upload."""

    upload: Upload
    status: int  # of HTTP, or 0 where the connection was lost
    body: bytes  # or the reason of the loss
    latency_s: float


def run(load: Coroutine[Any, Any, float]) -> float:
    """The coroutine's result, on uvloop where it is installed."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(load)


class Load:
    """Sends uploads over a fixed number of connections, and calls `receive` for each answer."""

    def __init__(self, url: SplitResult, connections: int, receive: Callable[[Answer], None]) -> None:
        self.host, self.port = url.hostname or "127.0.0.1", url.port or 80
        self.connections, self.receive = connections, receive
        self.uploads: Iterator[Upload] = iter(())
        self._open: list[Connection] = []

    async def send(self, uploads: Iterable[Upload]) -> float:
        """Send all uploads and return the seconds it took; each gets exactly one answer.

        Raises:
            OSError: The server cannot be reached at all.
        """
        while len(self._open) < self.connections:
            self._open.append(await self.connect())
        self.uploads = iter(uploads)
        watch = asyncio.create_task(self._watch())
        started = time.perf_counter()
        await asyncio.gather(*(self._work(place) for place in range(self.connections)))
        elapsed_s = time.perf_counter() - started
        watch.cancel()
        for upload in self.uploads:  # every connection is gone
            self.receive(Answer(upload, 0, b"the server is gone", 0.0))
        return elapsed_s

    async def connect(self) -> Connection:
        """A new connection."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self), self.host, self.port)
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.transport.close()

    async def _work(self, place: int) -> None:
        """Keep the connection of that place busy until no upload is left; a lost one is replaced."""
        with suppress(OSError):
            while not await self._open[place].serve():
                self._open[place] = await self.connect()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            for connection in self._open:
                if connection.upload and time.perf_counter() - connection.sent > TIMEOUT_S:
                    connection.transport.abort()


class Connection(asyncio.Protocol):
    """One connection: as an answer is complete, the next request goes out in the same turn of the event loop."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.upload: Upload | None = None  # the one under way
        self.sent = 0.0
        self.lost = False
        self._buffer = b""
        self._end: asyncio.Future[bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has another base

    async def serve(self) -> bool:
        """Send uploads until none is left (True) or the connection is lost (False)."""
        if self.lost:
            return False
        self._end = asyncio.get_running_loop().create_future()
        self._send_next()
        return await self._end

    def data_received(self, data: bytes) -> None:
        """Gather one answer, then send the next request."""
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(HEAD_END)
        if head_end < 0 or self.upload is None:
            return
        status, length = STATUS.match(buffer), LENGTH.search(buffer, 0, head_end)
        if status is None or length is None:
            self.transport.abort()
            return
        body_start = head_end + len(HEAD_END)
        body = buffer[body_start : body_start + int(length[1])]
        if len(body) < int(length[1]):
            return
        answer = Answer(self.upload, int(status[1]), body, time.perf_counter() - self.sent)
        self._buffer, self.upload = b"", None
        self.load.receive(answer)
        if CLOSE.search(buffer, 0, head_end):
            self.transport.close()
        else:
            self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        """Count the request that was under way as lost."""
        self.lost = True
        if self.upload is not None:
            reason = str(error or "the connection was lost").encode()
            self.load.receive(Answer(self.upload, 0, reason, time.perf_counter() - self.sent))
            self.upload = None
        self._finish(False)

    def _send_next(self) -> None:
        self.upload = next(self.load.uploads, None)
        if self.upload is None:
            self._finish(True)
            return
        self.sent = time.perf_counter()
        self.transport.write(self.upload.message)

    def _finish(self, complete: bool) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(complete)
