"""A worker that hangs: it counts as not ready, is replaced in time, and does not outlive its supervisor."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from bench.chaos.goals import Finding, at_most, exactly
from bench.chaos.kill import wait_for_workers
from bench.chaos.serving import SAMPLE, count_statuses, get, make_request, start_service, workers_of
from bench.processes import family
from bench.server import Server

GRACE_S = 3
REPLACED_S = 10.0
HANGING = "bench.inprocess.hanging_app:app"


def run(long: bool) -> Iterator[Finding]:
    """The trial; long hangs three times as often."""
    ways: dict[str, Callable[[Server], None]] = {
        "is stopped (SIGSTOP)": lambda server: os.kill(workers_of(server)[0], signal.SIGSTOP),
        "blocks its event loop": lambda server: send_and_forget(server, "/hang/loop"),
        "waits for its model": lambda server: send_and_forget(server, "/hang/model", "/mnist/classify"),
    }
    for name, hang in ways.items():
        with start_service("--workers", "2", "--app", HANGING) as server:
            for _ in range(3 if long else 1):
                yield from replaced(server, name, hang)
    with start_service("--workers", "2", "--grace", str(GRACE_S), "--app", HANGING) as server:
        os.kill(workers_of(server)[0], signal.SIGSTOP)
        yield from ends(server, "SIGTERM with a stopped worker", signal.SIGTERM, GRACE_S + 3)
    with start_service("--workers", "2", "--grace", str(GRACE_S), "--app", HANGING) as server:
        send_and_forget(server, "/hang/loop")
        yield from ends(server, "SIGKILL of the supervisor with a worker that hangs", signal.SIGKILL, GRACE_S + 3)


def replaced(server: Server, name: str, hang: Callable[[Server], None]) -> Iterator[Finding]:
    """Make a worker hang, and see when it is noticed and when it is replaced."""
    before = set(workers_of(server))
    hang(server)
    started = time.monotonic()
    noticed = None
    while len(set(workers_of(server)) & before) == 2 and time.monotonic() < started + 2 * REPLACED_S:
        if noticed is None and get(server.port, "/v2/health/ready")[0] != 200:
            noticed = time.monotonic() - started
        time.sleep(0.05)
    wait_for_workers(server, 2)
    took = time.monotonic() - started
    yield at_most(f"a worker {name}: not ready, or replaced", noticed if noticed is not None else took, REPLACED_S, "s")
    yield at_most(f"a worker {name}: replaced, all ready", took, REPLACED_S, "s")
    good = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
    yield exactly("requests afterwards", dict(count_statuses(server.port, [good] * 500, 16)), {200: 500})


def ends(server: Server, name: str, number: int, within_s: float) -> Iterator[Finding]:
    """Send a signal to the supervisor, and see that no process of the service is left in time."""
    members = family(server.process.pid)
    os.kill(server.process.pid, number)
    started = time.monotonic()
    while any(lives(member) for member in members) and time.monotonic() < started + 3 * within_s:
        server.process.poll()
        time.sleep(0.05)
    yield at_most(f"{name}: the last process has ended", time.monotonic() - started, within_s, "s")


def lives(pid: int) -> bool:
    """Whether a process runs."""
    with suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def send_and_forget(server: Server, *paths: str) -> None:
    """Ask for each path on one connection, so of one worker, and do not wait for long."""
    body = SAMPLE.read_bytes()
    head = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        for path in paths:
            connection.sendall(head.format(path, len(body)).encode() + body)
            with suppress(OSError):
                connection.recv(4096)
