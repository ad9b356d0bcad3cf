"""A worker that is killed: only what it had in work is lost; what waits in its socket, its successor answers."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator

from bench.chaos.goals import Finding, at_most, exactly
from bench.chaos.lossless import CONNECTIONS, load, uploads
from bench.chaos.serving import SAMPLE, count_statuses, get, make_request, start_service, workers_of
from bench.client import Answer
from bench.generator import send_all
from bench.server import Server

SHORT, LONG = 2, 50  # kills of each kind
WAITING = 200  # connections that come while a worker is stopped


def run(long: bool) -> Iterator[Finding]:
    """The trial; long takes some minutes."""
    kills = LONG if long else SHORT
    with start_service("--workers", "2") as server:
        before = count_classified(server)
        with load(server.port, keep_alive=True) as losses:
            for _ in range(kills):
                os.kill(workers_of(server)[0], signal.SIGKILL)
                wait_for_workers(server, 2)
        yield at_most(
            f"{kills} workers killed under load of {losses.answers[200]:,}: lost for each",
            losses.lost / kills,
            CONNECTIONS,
        )
        counted = count_classified(server) - before
        yield at_most("answers that the killed ones had not counted", losses.answers[200] - counted, 0)
        statuses: Counter[int] = Counter()
        for _ in range(kills):
            statuses += wait_in_the_socket(server)
        yield exactly(f"{kills} x {WAITING} requests that come while one is stopped, then killed", dict(statuses),
                      {200: kills * WAITING})  # fmt: skip
        good = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
        yield exactly("requests afterwards", dict(count_statuses(server.port, [good] * 1000, 16)), {200: 1000})


def wait_in_the_socket(server: Server) -> Counter[int]:
    """Statuses of new connections' requests, half of which wait in the socket of a worker that never sees them."""
    victim = workers_of(server)[0]
    os.kill(victim, signal.SIGSTOP)
    statuses: Counter[int] = Counter()

    def receive(answer: Answer) -> None:
        statuses[answer.status] += 1

    asks = [next(uploads(keep_alive=False))] * WAITING
    sender = threading.Thread(target=send_all, args=(server.port, asks, WAITING, receive))
    sender.start()
    time.sleep(0.5)
    os.kill(victim, signal.SIGKILL)
    sender.join(30)
    wait_for_workers(server, 2)
    return statuses


def count_classified(server: Server) -> int:
    """Good answers, as the service counts them."""
    return int(read_metrics(server).get('service_requests_total{model="mnist",route="classify",status="200"}', 0))


def read_metrics(server: Server) -> dict[str, float]:
    """Every value of /metrics by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def wait_for_workers(server: Server, count: int, timeout_s: float = 15.0) -> float:
    """Wait until so many workers are ready; returns the seconds it took."""
    started = time.monotonic()
    while time.monotonic() < started + timeout_s:
        if len(workers_of(server)) == count and get(server.port, "/v2/health/ready")[0] == 200:
            break
        time.sleep(0.05)
    return time.monotonic() - started
