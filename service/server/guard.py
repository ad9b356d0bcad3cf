"""What the connections of one server share: their bounds in number and in time, and whether the end has begun."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service import counters
from service.api.answers import headers_of
from service.server.line import Line

if TYPE_CHECKING:
    from service.server.protocol import BoundedProtocol

HEAD_TIMEOUT_S = 10.0  # for one request's line and headers
SWEEP_S = 1.0
SPARE_DESCRIPTORS = 64  # for files, models and listeners


class Guard:
    """Looks after all connections once a second, which costs a request less than timers of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: Any, keep_alive_s: float) -> None:
        self.ending = False
        self.full = False
        self.sweeps = 0  # a clock that costs a request nothing
        self._state, self._keep_alive_s = state, keep_alive_s
        self._heads: dict[tuple[int, int], bytes] = {}
        self._headers: list[tuple[bytes, bytes]] = []  # those that uvicorn adds, from which the heads were made
        self.incomplete: dict[BoundedProtocol, float] = {}  # since when, on the loop's clock
        self.max_connections = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS
        self.answers = counters.StatusCounts(counters.current(), "none")
        self.line = Line(loop)
        self._loop = loop
        loop.call_later(SWEEP_S, self._sweep)

    def write_head(self, status: int, retry_after_s: int = 0) -> bytes:
        """An answer's head of JSON up to the number of its bytes."""
        if self._headers is not self._state.default_headers:  # another second, another date
            self._headers = self._state.default_headers
            self._heads.clear()
        head = self._heads.get((status, retry_after_s))
        if head is None:
            lines = [*self._headers, (b"content-type", b"application/json"), *headers_of(retry_after_s)]
            fields = b"".join(b"%b: %b\r\n" % pair for pair in lines)
            head = self._heads[status, retry_after_s] = b"%b%bcontent-length: " % (STATUS_LINE[status], fields)
        return head

    def _sweep(self) -> None:
        self.sweeps += 1
        for connection in list(self._state.connections):
            if self.sweeps - connection.idle_since > self._keep_alive_s / SWEEP_S and not connection.is_busy:
                connection.close_when_quiet()
        latest = self._loop.time() - HEAD_TIMEOUT_S
        for protocol in [protocol for protocol, since in self.incomplete.items() if since < latest]:
            protocol.give_up()
        self._loop.call_later(SWEEP_S, self._sweep)
