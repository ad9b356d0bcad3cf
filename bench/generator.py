"""Load for the comparison: wrk, or where it is not installed this package's own client.

The generator's share of its core is measured too, for a generator that is busy all the time measures itself.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.client import Answer, Load, run
from bench.errors import ServerError
from bench.payload import write_payload
from bench.report import percentile
from bench.upload import Upload

SCRIPT = Path(__file__).resolve().parent / "wrk.lua"
TIMEOUT_S = 60
GENERATORS = ("wrk", "python")


class Measurement(NamedTuple):
    """One run."""

    requests: int
    requests_per_s: float
    latencies_ms: list[float]  # percentiles 0, 0.1, … 100
    busy: float  # the generator's share of its core, 0 to 1

    def percentile_ms(self, percent: float) -> float:
        """Latency at a percentile."""
        return self.latencies_ms[round(percent * 10)]


def choose_generator() -> str:
    """The fastest one at hand."""
    return "wrk" if shutil.which("wrk") else "python"


def measure(
    generator: str, port: int, uploads: Sequence[Upload], connections: int, seconds: float, cores: Collection[int]
) -> Measurement:
    """Send the uploads in turn over keep-alive connections for some seconds.

    Raises:
        ServerError: A request failed.
    """
    return (_run_wrk if generator == "wrk" else _run_client)(port, uploads, connections, seconds, cores)


def _run_wrk(
    port: int, uploads: Sequence[Upload], connections: int, seconds: float, cores: Collection[int]
) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests"
        write_payload(uploads, file)
        words = f"wrk -t1 -c{connections} -d{max(1, round(seconds))}s --timeout {TIMEOUT_S}s -s".split()
        before = _cpu_s(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*words, SCRIPT, f"http://127.0.0.1:{port}", "--", file],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        cpu_s = _cpu_s(resource.RUSAGE_CHILDREN) - before
    if done.returncode:
        raise ServerError(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    if result["bad_status"] or result["lost"] or not result["requests"]:
        counts = f"{result['requests']} answers, {result['bad_status']} of them errors, and {result['lost']} lost"
        raise ServerError(f"under load at {connections} connections: {counts}")
    elapsed_s = result["duration_us"] / 1e6
    latencies_ms = [value / 1000 for value in result["latencies_us"]]
    return Measurement(result["requests"], result["requests"] / elapsed_s, latencies_ms, cpu_s / elapsed_s)


def _run_client(
    port: int, uploads: Sequence[Upload], connections: int, seconds: float, cores: Collection[int]
) -> Measurement:
    latencies_s: list[float] = []
    bad: list[Answer] = []

    def receive(answer: Answer) -> None:
        if answer.status == 200:
            latencies_s.append(answer.latency_s)
        else:
            bad.append(answer)

    os.sched_setaffinity(0, cores)
    before = _cpu_s(resource.RUSAGE_SELF)
    elapsed_s = send_all(port, until(uploads, time.perf_counter() + seconds), connections, receive)
    cpu_s = _cpu_s(resource.RUSAGE_SELF) - before
    if bad or not latencies_s:
        raise ServerError(f"under load at {connections} connections: {len(latencies_s)} answers, {len(bad)} failures")
    latencies_s.sort()
    spread = [percentile(latencies_s, tenth / 10) * 1000 for tenth in range(1001)]
    return Measurement(len(latencies_s), len(latencies_s) / elapsed_s, spread, cpu_s / elapsed_s)


def send_all(port: int, uploads: Iterable[Upload], connections: int, receive: Callable[[Answer], None]) -> float:
    """Send uploads with this package's client and return the seconds it took.

    Raises:
        ServerError: The server cannot be reached.
    """

    async def send() -> float:
        load = Load(urlsplit(f"http://127.0.0.1:{port}"), connections, receive)
        try:
            return await load.send(uploads)
        except OSError as error:
            raise ServerError(f"no server answers at port {port}: {error}") from error
        finally:
            load.close()

    return run(send())


def until(uploads: Sequence[Upload], end: float) -> Iterator[Upload]:
    """The uploads again and again, until the clock has passed `end`."""
    return itertools.takewhile(lambda _: time.perf_counter() < end, itertools.cycle(uploads))


def _cpu_s(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime
