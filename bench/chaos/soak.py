"""All kinds of traffic at once, for long: every answer is right, every one is counted, and nothing is kept.

SOAK_SECONDS sets how long the short form takes; the long one goes on for a number of requests.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from bench.chaos.book import Book, Series, read_series
from bench.chaos.crowd import Crowd
from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.kill import read_metrics
from bench.chaos.kinds import Mix
from bench.chaos.serving import start_service
from bench.chaos.verdict import describe, judge_answers, judge_counts, judge_memory
from bench.chaos.vitals import Sample, take
from bench.client import run as run_on_loop
from bench.errors import DataError, ServerError
from bench.processes import family
from bench.server import ROOT, Server

SHORT_S, LONG_REQUESTS = 300.0, 5_000_000
CONNECTIONS = 64  # far fewer than images may wait, so nothing should be refused for want of room
WARM = 1 / 3  # of the whole, after which memory is watched
REST_S, REST_LIMIT_S = 3.0, 15.0  # without any request, before what is held is compared; and until when
ERRORS = ("ERROR", "CRITICAL", "Exception", "Traceback", "Task")  # how such a line of the log begins
SPARE_THREADS = 2  # pools start theirs as they need them
MODELS = ("mnist", "twin")  # one model twice: those who leave ask the second, so the first is counted exactly


def run(long: bool) -> Iterator[Finding]:
    """The trial; short for SOAK_SECONDS, long for five million requests."""
    whole = LONG_REQUESTS if long else read_seconds()
    with two_models() as models, start_service(SERVICE_MODELS=models) as server:
        before = read_series(read_metrics(server))
        soak = Soak(server, long)
        at_start = soak.rest()
        soak.send(whole * WARM)
        warm = soak.rest(at_start.descriptors)
        samples = soak.send(whole * (1 - WARM))
        at_end = soak.rest(at_start.descriptors)
        metrics = read_metrics(server)
        yield from judge_answers(soak.book, soak.mix.kinds)
        yield told("requests, and for each second", f"{soak.book.kinds.total():,}, {soak.rate:,.0f}")
        soak.book.answers[Series("metrics", "", 200)] += 1  # that before all
        yield from judge_counts(soak.book, metrics, before)
        yield from judge_memory(samples)
        yield told("memory kept when all have gone", f"{at_end.resident_mb - warm.resident_mb:+.1f} MB")
        yield told("descriptors, threads at most", "{}, {}".format(*soak.most()))
        yield exactly("descriptors when all have gone", at_end.descriptors, at_start.descriptors)
        threads = warm.threads + SPARE_THREADS
        yield at_most(f"threads then, beside the {warm.threads} after the first third", at_end.threads, threads)
        yield exactly("processes that have ended or come", len(family(server.process.pid) ^ soak.processes), 0)
        errors = Counter(line[:200] for line in server.read_log().splitlines() if line.startswith(ERRORS))
        yield exactly("errors in the log", describe(errors), "none")


def read_seconds() -> float:
    """SOAK_SECONDS.

    Raises:
        DataError: It is no number of at least 10.
    """
    text = os.environ.get("SOAK_SECONDS", str(SHORT_S))
    if not (text.replace(".", "", 1).isdecimal() and float(text) >= 10):
        raise DataError(f"SOAK_SECONDS is {text!r}; it must be a number of at least 10")
    return float(text)


@contextmanager
def two_models() -> Iterator[str]:
    """A models folder with the repository's model under two names."""
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            (Path(folder) / name).symlink_to(ROOT / "models" / "mnist")
        yield folder


class Soak:
    """Sends the mix to a server, and takes a sample of it once a second."""

    def __init__(self, server: Server, by_requests: bool) -> None:
        """`by_requests`: amounts are requests, not seconds."""
        self.server, self.by_requests = server, by_requests
        self.mix, self.book = Mix(), Book()
        self.processes = family(server.process.pid)
        self.samples: list[Sample] = []
        self._seconds, self._requests = 0.0, 0  # until each sending stopped

    @property
    def rate(self) -> float:
        """Requests for each second of sending."""
        return self._requests / self._seconds

    def most(self) -> tuple[int, int]:
        """The most descriptors and threads there were."""
        return max(sample.descriptors for sample in self.samples), max(sample.threads for sample in self.samples)

    def send(self, amount: float) -> list[Sample]:
        """Send that much; returns what the server held meanwhile."""
        known = len(self.samples)
        unit = "req" if self.by_requests else "s"
        with tqdm(total=round(amount), unit=unit, delay=2, disable=None, leave=False) as bar:
            self._seconds += run_on_loop(self._send(amount, lambda done: bar.update(round(done) - bar.n)))
        return self.samples[known:]

    def rest(self, descriptors: int = 0) -> Sample:
        """Ask nothing, until no more than so many descriptors are open; the least memory, what else is held at last."""
        started, least = time.monotonic(), float("inf")
        while True:
            sample, seconds = take(self.processes), time.monotonic() - started
            least = min(least, sample.resident_mb)
            if seconds > REST_LIMIT_S or (seconds > REST_S and (not descriptors or sample.descriptors <= descriptors)):
                return sample._replace(resident_mb=least)
            time.sleep(0.2)

    async def _send(self, amount: float, show: Callable[[float], object]) -> float:
        """Send, and return the seconds until it stopped; what was under way then is still answered.

        Raises:
            ServerError: There is no server any longer.
        """
        crowd = Crowd(self.server.port, self.book)
        sending = asyncio.create_task(crowd.run(self.mix.lanes(CONNECTIONS)))
        began, started, done = self.book.kinds.total(), time.monotonic(), 0.0
        while done < amount:
            if self.server.process.poll() is not None:
                raise ServerError("the server has ended")
            await asyncio.sleep(1.0 if self.by_requests else min(1.0, amount - done))
            requests, seconds = self.book.kinds.total(), time.monotonic() - started
            done = requests - began if self.by_requests else seconds
            show(done)
            self.samples.append(take(self.processes, self._seconds + seconds, requests))
        crowd.stopped = True
        self._requests += requests - began
        await sending
        return seconds
