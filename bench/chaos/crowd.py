"""The soak's clients: many connections at once, each of which sends one request of the mix after another.

As `bench.client`, it goes on to the next request in the same turn of the event loop in which an answer is complete.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import cast

from bench.chaos.book import Book
from bench.chaos.traffic import Ask, Leaving
from bench.client import CLOSE, HEAD_END, LENGTH, STATUS, TIMEOUT_S

CONTINUE = ord("1")  # of 100, an answer that is followed by another one
NO_LINGER = struct.pack("ii", 1, 0)  # by which a connection is reset when it is closed


class Crowd:
    """Keeps one connection open for each lane, until it is stopped."""

    def __init__(self, port: int, book: Book) -> None:
        self.book, self.stopped = book, False
        self.seconds = 0  # a clock that costs a request nothing
        self.open: set[Client] = set()
        self._port = port

    async def run(self, lanes: Sequence[Iterator[Ask]]) -> None:
        """Send, until `stopped` is set; what is under way then is still answered."""
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*map(self._keep_busy, lanes))
        watch.cancel()

    async def _keep_busy(self, lane: Iterator[Ask]) -> None:
        loop = asyncio.get_running_loop()
        while not self.stopped:
            try:
                _, client = await loop.create_connection(lambda: Client(self, lane), "127.0.0.1", self._port)
            except OSError as error:
                self.book.lost[f"no connection: {error}"] += 1
                await asyncio.sleep(0.1)
            else:
                await client.ended

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.seconds += 1
            for client in list(self.open):
                client.give_up(self.seconds - TIMEOUT_S)


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, crowd: Crowd, lane: Iterator[Ask]) -> None:
        self._crowd, self._book, self._lane = crowd, crowd.book, lane
        self._loop = asyncio.get_running_loop()
        self.ended = self._loop.create_future()
        self._ask: Ask | None = None  # what is under way
        self._answered = 0  # of its requests
        self._since = 0
        self._buffer = b""
        self._later: asyncio.TimerHandle | None = None  # its next piece, or its leaving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another base
        self._crowd.open.add(self)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Take the answers that are complete; after the last one, go on."""
        ask = self._ask
        if ask is None:  # it is about to close
            return
        buffer = self._buffer + data if self._buffer else data
        while (head_end := buffer.find(HEAD_END)) >= 0:
            status, body_start = STATUS.match(buffer), head_end + len(HEAD_END)
            if status is not None and status[1][0] == CONTINUE:
                buffer = buffer[body_start:]
                continue
            length = LENGTH.search(buffer, 0, head_end)
            if status is None or length is None or self._answered == len(ask.expected):
                self._book.wrong[f"{ask.kind}: not to be read, or one answer too many: {buffer[:200]!r}"] += 1
                self._close()
                return
            body_end = body_start + int(length[1])
            if len(buffer) < body_end:
                break
            self._book.answer(ask, self._answered, int(status[1]), buffer[body_start:body_end])
            self._answered += 1
            ends, buffer = CLOSE.search(buffer, 0, head_end), buffer[body_end:]
            if self._answered == len(ask.expected) and not buffer:
                self._finish(ask, keep=ends is None)
                return
            if ends is not None:
                self._lose(ask, "it ended before all answers")
                return
        self._buffer = buffer

    def connection_lost(self, error: Exception | None) -> None:
        """Count what was under way as lost."""
        if self._ask is not None:
            self._lose(self._ask, str(error or "it ended"))
        self._crowd.open.discard(self)
        if not self.ended.done():  # cancelled, when the whole soak ends early
            self.ended.set_result(None)

    def give_up(self, latest: float) -> None:
        """End the connection if its request has been under way since before `latest`."""
        if self._ask is not None and self._since < latest:
            self._lose(self._ask, "no answer in time")

    def _begin(self) -> None:
        crowd = self._crowd
        if crowd.stopped:
            self._close()
            return
        self._ask = ask = next(self._lane)
        self._answered, self._since, self._buffer = 0, crowd.seconds, b""
        pieces = ask.pieces
        self._transport.write(pieces[0])
        if len(pieces) > 1 or ask.leaving is not Leaving.NOT:
            self._later = self._loop.call_later(ask.pause_s, self._go_on, ask, 1)

    def _go_on(self, ask: Ask, place: int) -> None:
        """Send the next piece; after the last one, leave, or wait for the answers."""
        if place == len(ask.pieces):
            self._leave(ask)
            return
        self._transport.write(ask.pieces[place])
        more = place + 1 < len(ask.pieces) or ask.leaving is not Leaving.NOT
        self._later = self._loop.call_later(ask.pause_s, self._go_on, ask, place + 1) if more else None

    def _leave(self, ask: Ask) -> None:
        self._later = None
        if ask.leaving is Leaving.HALF:
            self._transport.write_eof()
            return
        self._book.leave(ask, self._answered)
        if ask.leaving is Leaving.RESET:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._close()

    def _finish(self, ask: Ask, keep: bool) -> None:
        """Go on after the last answer; over the same connection, if neither side ends it."""
        self._book.kinds[ask.kind] += 1
        self._ask = None
        if keep and self._later is None and ask.leaving is Leaving.NOT:
            self._begin()
        else:
            self._close()

    def _lose(self, ask: Ask, reason: str) -> None:
        self._book.lost[f"{ask.kind}: {reason}"] += 1
        self._transport.abort()
        self._close()

    def _close(self) -> None:
        if self._ask is not None:
            self._book.kinds[self._ask.kind] += 1
            self._ask = None
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._transport.close()
