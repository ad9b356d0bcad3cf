"""The end under load, and a new version of the code: no request that was sent whole is lost."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator

from bench.chaos.goals import Finding, exactly, told
from bench.chaos.lossless import load
from bench.chaos.serving import start_service, workers_of
from bench.errors import ServerError
from bench.server import Server

SHORT, LONG = 2, 25  # ends of each kind
RELOADS_SHORT, RELOADS_LONG = 2, 250  # of each kind, so 1,000 in all
RELOAD_TIMEOUT_S = 30


def run(long: bool) -> Iterator[Finding]:
    """The trial; long takes an hour, of which the reloads take the most."""
    for workers, keep_alive in itertools.product((1, 2), (True, False)):
        kind = f"{workers} worker{'s' * (workers > 1)}, {'keep-alive' if keep_alive else 'a connection for each'}"
        lost, answered = 0, 0
        for _ in range(LONG if long else SHORT):
            with start_service("--workers", str(workers)) as server, load(server.port, keep_alive) as losses:
                server.process.send_signal(signal.SIGTERM)
                server.process.wait(40)
                time.sleep(1.2)  # for who asks in vain to be told so
            lost, answered = lost + losses.lost, answered + losses.answers[200]
        yield exactly(f"SIGTERM, {kind}: lost of {answered:,}", lost, 0)
    for workers, keep_alive in itertools.product((1, 2), (True, False)):
        kind = f"{workers} worker{'s' * (workers > 1)}, {'keep-alive' if keep_alive else 'a connection for each'}"
        count = RELOADS_LONG if long else RELOADS_SHORT
        with start_service("--workers", str(workers)) as server, load(server.port, keep_alive) as losses:
            started = time.monotonic()
            for _ in range(count):
                reload(server)
            seconds = time.monotonic() - started
        yield exactly(f"{count} reloads, {kind}: lost of {losses.answers[200]:,}", losses.lost, 0)
        yield told("seconds for one", f"{seconds / count:.1f}")


def reload(server: Server) -> None:
    """Send SIGHUP, and wait until every worker is a new one.

    Raises:
        ServerError: It takes too long.
    """
    before = set(workers_of(server))
    os.kill(server.process.pid, signal.SIGHUP)
    end = time.monotonic() + RELOAD_TIMEOUT_S
    while set(workers_of(server)) & before or len(workers_of(server)) < len(before):
        if time.monotonic() > end:
            raise ServerError("a reload did not end")
        time.sleep(0.05)
