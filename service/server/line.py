"""The line of what has been read from connections and not yet looked at: first come, first served.

While a thousand sockets are readable at once, libuv reads on and on, up to 48 thousand times, and does nothing else: no
callback is called, no timer runs out, no new connection is read from. So a share of what comes is looked at as it
comes, and the rest waits here, a share for each turn of the event loop. How long a request has waited is then known,
and nothing is decoded for a client that has left meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.server.protocol import BoundedProtocol

logger = logging.getLogger("service")
SHARE = 64  # pieces of data after which others wait for the next turn: as many images as a batch has
KEPT_BYTES = 16 * 1024  # of one piece; from a connection that brings more nothing is read until its turn


class Line:
    """What waits for a turn of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.left = SHARE  # pieces that may still be looked at as they come
        self.waited_ns = 0  # how long the piece that is looked at now has waited
        self._loop = loop
        self._waiting: deque[tuple[BoundedProtocol, bytes, int]] = deque()

    def close(self) -> None:
        """Let others wait, until the event loop has had a turn."""
        self._loop.call_soon(self._turn)

    def add(self, connection: BoundedProtocol, data: bytes) -> None:
        """Keep a piece of data; an empty one is the end of what the client sends."""
        connection.in_line += 1
        if connection.in_line > 1 or len(data) > KEPT_BYTES:
            connection.flow.pause_reading()
        self._waiting.append((connection, data, perf_counter_ns()))

    def _turn(self) -> None:
        waiting = self._waiting
        for _ in range(min(SHARE, len(waiting))):
            connection, data, came = waiting.popleft()
            connection.in_line -= 1
            if connection.transport.is_closing():
                continue
            if not connection.in_line:
                connection.flow.resume_reading()
            self.waited_ns = perf_counter_ns() - came
            try:
                connection.take(data)
            except Exception:  # as the event loop does with what comes from it; the others go on
                logger.exception("What a connection brought could not be handled.")
                connection.transport.abort()
        self.waited_ns = 0
        self.left = 0 if waiting else SHARE
        if waiting:
            self._loop.call_soon(self._turn)
