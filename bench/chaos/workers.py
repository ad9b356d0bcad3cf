"""Two workers are one service: connections lie evenly on them, and /metrics is one sum that never falls."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.kill import count_classified, wait_for_workers
from bench.chaos.serving import SAMPLE, count_statuses, get, make_request, start_service, workers_of
from bench.processes import read_usage
from bench.server import Server
from bench.upload import Upload

SHORT, LONG = 5, 21  # runs of each spread; the goal is for a median of 21
SPREADS = {64: 1.3, 1024: 1.1}  # connections, and how many more the fuller worker may have
REQUESTS = 3000
SCRAPES = 20


def run(long: bool) -> Iterator[Finding]:
    """The trial."""
    good = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
    with start_service("--workers", "2") as server:
        for connections, goal in SPREADS.items():
            spreads = [asyncio.run(spread(server, connections)) for _ in range(LONG if long else SHORT)]
            yield at_most(
                f"{connections} connections: the fuller worker has, of the other's, median of {len(spreads)}",
                statistics.median(spreads), goal if long else goal + 0.3, "x")  # fmt: skip
        before = count_classified(server)
        statuses = count_statuses(server.port, [good] * REQUESTS, 64)
        scrapes = [count_classified(server) - before for _ in range(SCRAPES)]
        yield exactly(f"{SCRAPES} scrapes after {dict(statuses)}", sorted(set(scrapes)), [REQUESTS])
        os.kill(workers_of(server)[0], signal.SIGKILL)
        after = [count_classified(server) - before for _ in range(3)]
        wait_for_workers(server, 2)
        after.append(count_classified(server) - before)
        yield exactly("scrapes after one of them was killed, and replaced", sorted(set(after)), [REQUESTS])
        unknown = {"/nope": 404, "/v2/models/nope": 400}
        yield exactly("unknown paths", {path: get(server.port, path)[0] for path in unknown}, unknown)
    for workers in (1, 2):
        with start_service("--workers", str(workers)) as server:
            yield told(
                f"{workers} worker{'s' * (workers > 1)}, 64 connections, this machine also sends", cost(server, good)
            )


def cost(server: Server, good: Upload) -> str:
    """Requests a second, and the server's processor time for each."""
    count_statuses(server.port, [good] * 2000, 64)
    before, started = read_usage(server.process.pid).cpu_s, time.monotonic()
    count = 20_000
    count_statuses(server.port, [good] * count, 64)
    seconds = time.monotonic() - started
    return f"{count / seconds:,.0f}/s, {(read_usage(server.process.pid).cpu_s - before) / count * 1e6:.1f} us"


async def spread(server: Server, connections: int) -> float:
    """How many connections the fuller of two workers has for each one of the other."""
    counts = {pid: sockets(pid) for pid in workers_of(server)}
    opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(connections)]
    await asyncio.sleep(0.3)
    taken = sorted(sockets(pid) - count for pid, count in counts.items())
    for _, writer in opened:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    await asyncio.sleep(0.2)
    return taken[1] / max(1, taken[0])


def sockets(pid: int) -> int:
    """Sockets that a process has."""
    count = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            count += os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith("socket:")
    return count
