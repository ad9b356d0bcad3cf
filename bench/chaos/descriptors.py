"""More connections than the process may have: those there are go on, further ones are refused, and logged once."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from bench.chaos.goals import Finding, exactly
from bench.chaos.heads import connect, read_status
from bench.chaos.serving import SAMPLE, count_statuses, make_request, start_service

LIMIT, SILENT = 256, 300


def run(long: bool) -> Iterator[Finding]:
    """The trial; it takes some seconds either way."""
    with start_service(descriptors=LIMIT) as server, ExitStack() as opened:
        good = opened.enter_context(connect(server))
        for _ in range(SILENT):
            with suppress(OSError):
                opened.enter_context(connect(server))
        time.sleep(0.5)
        answers = {ask_again(good) for _ in range(50)}
        yield exactly(f"{SILENT} silent connections, {LIMIT} descriptors: a good one's answers", answers, {200})
        time.sleep(3)  # until those have gone that were told so
        with connect(server) as late:
            with suppress(OSError):
                late.sendall(request())
            yield exactly("a new connection meanwhile: status", read_status(late), 503)
        yield exactly("lines in the log about it", server.read_log().count("further ones are refused"), 1)
        time.sleep(12)
        statuses = count_statuses(server.port, [make_request([(SAMPLE.name, SAMPLE.read_bytes())])] * 100, 8)
        yield exactly("requests after the silent ones have been ended", dict(statuses), {200: 100})


def request() -> bytes:
    """A small upload."""
    return make_request([(SAMPLE.name, SAMPLE.read_bytes())]).message


def ask_again(connection: socket.socket) -> int:
    """The status of one more upload on a connection."""
    connection.sendall(request())
    return read_status(connection)
