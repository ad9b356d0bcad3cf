"""Load in an open loop: requests come when they come, however long the answers take, as those of many people do.

A latency counts from the moment at which its request was due, so a server or a client that is late hides nothing.
Each request has a connection for itself while it is under way; as many are opened as are needed.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import cast

import numpy as np

from bench.client import run
from bench.report import percentile

TICK_S = 0.001  # as fine as uvloop's timers; a sender with a core to itself looks at the clock all the time
PREPARED = 64  # connections at the start: many people do not share one, and each worker should have some
MAX_CONNECTIONS = 4000  # beyond them requests wait here, and their latency says so
END_S = 30.0  # for what is still under way when the last request has been sent
LOST, LEFT = 0, -1  # in place of a status: the connection was lost; the client has given up


class Tally:
    """What came back."""

    def __init__(self) -> None:
        self.latencies_s: dict[int, list[float]] = defaultdict(list)  # by status
        self.elapsed_s = 0.0  # for which requests were due
        self.late = 0  # requests that had no connection when they were due

    def count(self, status: int) -> int:
        """Answers of a status."""
        return len(self.latencies_s[status])

    @property
    def sent(self) -> int:
        """All requests."""
        return sum(len(latencies) for latencies in self.latencies_s.values())

    @property
    def statuses(self) -> set[int]:
        """Those that came back."""
        return {status for status, latencies in self.latencies_s.items() if latencies}

    def rate(self, status: int) -> float:
        """Answers of a status a second."""
        return self.count(status) / self.elapsed_s

    def percentile_ms(self, percent: float, status: int = 200) -> float:
        """Latency of the answers of a status; 0 where there is none."""
        latencies = sorted(self.latencies_s[status])
        return percentile(latencies, percent) * 1000 if latencies else 0.0


def arrive(
    port: int,
    message: bytes,
    rate: float,
    seconds: float,
    patience_s: float = END_S,
    seed: int = 0,
    shares_core: bool = False,
) -> Tally:
    """Send a request at random moments, so many a second; who waits for longer than the patience leaves."""
    arrivals = Arrivals(port, message, rate, seconds, patience_s, seed, TICK_S if shares_core else 0.0)
    run(arrivals.send())
    return arrivals.tally


class Arrivals:
    """One load."""

    def __init__(
        self, port: int, message: bytes, rate: float, seconds: float, patience_s: float, seed: int, tick_s: float
    ) -> None:
        self._tick_s = tick_s
        self.port, self.message, self.seconds, self.patience_s = port, message, seconds, patience_s
        gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 1.2) + 20)
        times = np.cumsum(gaps)
        self._times: Iterator[float] = iter(times[times < seconds].tolist())
        self.tally = Tally()
        self.idle: deque[Connection] = deque()  # used in turn, so that none is closed for being idle
        self.due: deque[float] = deque()  # requests without a connection, by the time at which they were due
        self.under_way: set[Connection] = set()
        self._connections = 0

    async def send(self) -> float:
        """Send all of it, and wait for what is under way."""
        self._loop = asyncio.get_running_loop()
        for _ in range(PREPARED):
            self._connections += 1
            await self._connect()
        started = time.perf_counter()
        due = next(self._times, None)
        while due is not None:
            now = time.perf_counter()
            while due is not None and started + due <= now:
                self._send(started + due)
                due = next(self._times, None)
            self._leave(now)
            await asyncio.sleep(self._tick_s)
        self.tally.elapsed_s = time.perf_counter() - started
        end = time.perf_counter() + END_S
        while (self.under_way or self.due) and time.perf_counter() < end:
            self._leave(time.perf_counter())
            await asyncio.sleep(0.002)
        for connection in [*self.idle, *self.under_way]:
            connection.transport.abort()
        await asyncio.sleep(0.05)
        return self.tally.elapsed_s

    def _send(self, due: float) -> None:
        if self.idle:
            self.idle.popleft().ask(due)
            return
        self.tally.late += 1
        self.due.append(due)
        if self._connections < MAX_CONNECTIONS:
            self._connections += 1
            task = self._loop.create_task(self._connect())
            task.add_done_callback(lambda done: done.exception())

    async def _connect(self) -> None:
        await self._loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)

    def _leave(self, now: float) -> None:
        for connection in [one for one in self.under_way if now - one.due > self.patience_s]:
            connection.finish(LEFT)
            connection.transport.close()

    def lost(self) -> None:
        """A connection less."""
        self._connections -= 1


class Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.due = 0.0
        self.is_asking = False
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waits for a connection."""
        self.transport = cast(asyncio.Transport, transport)
        self._go_on()

    def ask(self, due: float) -> None:
        """Send the request that was due then."""
        self.due, self.is_asking = due, True
        self.arrivals.under_way.add(self)
        self.transport.write(self.arrivals.message)

    def data_received(self, data: bytes) -> None:
        """Take an answer; all of them are JSON."""
        self._received = data = self._received + data if self._received else data
        if not self.is_asking or data[-1] not in b"}]":
            return
        self._received = b""
        self.finish(int(data[9:12]))
        if b"connection: close" in data[:400].lower():
            self.transport.close()
        else:
            self._go_on()

    def finish(self, status: int) -> None:
        """Count how the request under way has ended."""
        self.is_asking = False
        self.arrivals.under_way.discard(self)
        self.arrivals.tally.latencies_s[status].append(time.perf_counter() - self.due)

    def connection_lost(self, error: Exception | None) -> None:
        """Count what was under way as lost."""
        if self.is_asking:
            self.finish(LOST)
        if self in self.arrivals.idle:
            self.arrivals.idle.remove(self)
        self.arrivals.lost()

    def _go_on(self) -> None:
        if self.arrivals.due:
            self.ask(self.arrivals.due.popleft())
        else:
            self.arrivals.idle.append(self)
