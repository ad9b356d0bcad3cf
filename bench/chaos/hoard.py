"""Very many large uploads that never end: memory stays within its bound, and small requests go on."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.serving import PATH, SAMPLE, make_request, resident_mb, settle, start_service
from bench.client import Answer
from bench.generator import send_all
from bench.report import percentile
from bench.server import Server
from bench.upload import BOUNDARY

HELD_MB = 64  # SERVICE_MAX_HELD_BYTES; the oldest body may go beyond, and growing ones are copied
FIRST_PIECE_MB = 0.13  # what the kernel takes of a connection before anybody has looked at it
BODY_TIMEOUT_S = 5
CLAIMED = 33_000_000  # bytes of each upload
HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {CLAIMED}\r\n"
    f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
).encode()
PIECE = b"\x00" * 65536
SMALL_CONNECTIONS, SMALL_PAUSE_S = 2, 0.01
MB = 1_000_000


def run(long: bool) -> Iterator[Finding]:
    """The trial; long hoards with 1,500 connections for 20 s each, short with 300 for 4 s."""
    for pace_s in (0.0, 0.2):
        yield from hoard(1500 if long else 300, 20.0 if long else 4.0, pace_s, long)


def hoard(connections: int, seconds: float, pace_s: float, long: bool) -> Iterator[Finding]:
    """Uploads that send as fast as they may, or a piece every so often, and small requests beside them."""
    speed = f"a piece every {pace_s} s" if pace_s else "as fast as they may"
    what = f"{connections:,} uploads of 33 MB, {speed}"
    with start_service(SERVICE_MAX_HELD_BYTES=str(HELD_MB * MB), SERVICE_BODY_TIMEOUT_S=str(BODY_TIMEOUT_S)) as server:
        small = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
        send_all(server.port, [small] * 2000, SMALL_CONNECTIONS, lambda answer: None)
        before, peak = settle(server, 1), [0.0]
        latencies: list[float] = []
        statuses: Counter[int] = Counter()
        done = threading.Event()

        def hear(answer: Answer) -> None:
            latencies.append(answer.latency_s)
            statuses[answer.status] += 1

        def send_small() -> None:
            while not done.wait(SMALL_PAUSE_S):
                send_all(server.port, [small] * SMALL_CONNECTIONS, SMALL_CONNECTIONS, hear)

        def weigh() -> None:
            while not done.wait(0.05):
                peak[0] = max(peak[0], resident_mb(server))

        threads = [threading.Thread(target=work) for work in (send_small, weigh)]
        for thread in threads:
            thread.start()
        opened, sent = send_endless(server, connections, seconds, pace_s)
        done.set()
        for thread in threads:
            thread.join()
        yield told(f"{what}: opened, sent", f"{opened:,}, {sent / MB:,.0f} MB")
        yield at_most(f"{what}: memory rose by", peak[0] - before, 2 * HELD_MB + FIRST_PIECE_MB * connections, "MB")
        beside = f"{what}: small requests beside them"
        yield exactly(f"{beside}, {len(latencies):,}: neither 200 nor 503", sorted(statuses.keys() - {200, 503}), [])
        yield at_most(f"{beside}: refused", statuses[503] / len(latencies), 0.02, timed=True)
        yield at_most(
            f"{beside}: p99", percentile(sorted(latencies), 99) * 1000, 100 if long else 400, "ms", timed=True
        )
        yield at_most(f"{what}: memory kept", settle(server, BODY_TIMEOUT_S + 3) - before, 60 if long else 20, "MB")


def send_endless(server: Server, connections: int, seconds: float, pace_s: float) -> tuple[int, int]:
    """Send pieces on that many connections, a new one for each that is ended; uploads opened, and bytes sent."""
    opened = sent = 0
    end = time.monotonic() + seconds
    resting: deque[tuple[float, socket.socket]] = deque()
    with selectors.DefaultSelector() as selector, ExitStack() as connected:
        while time.monotonic() < end:
            while len(selector.get_map()) + len(resting) < connections:
                selector.register(connected.enter_context(begin(server)), selectors.EVENT_WRITE)
                opened += 1
            now = time.monotonic()
            while resting and resting[0][0] <= now:
                selector.register(resting.popleft()[1], selectors.EVENT_WRITE)
            for key, _ in selector.select(0.02):
                connection = cast(socket.socket, key.fileobj)
                selector.unregister(connection)
                try:
                    sent += connection.send(PIECE)
                    resting.append((now + pace_s, connection))
                except OSError:  # refused and ended
                    connection.close()
    return opened, sent


def begin(server: Server) -> socket.socket:
    """A connection on which a large upload begins."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    connection.sendall(HEAD)
    connection.setblocking(False)
    return connection
