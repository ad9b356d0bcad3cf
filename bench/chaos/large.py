"""Large pictures: answered, within the memory that is theirs, and not at the cost of small ones."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.photos import large_photo
from bench.chaos.pictures import flat, photo
from bench.chaos.serving import SAMPLE, count_statuses, make_request, resident_mb, start
from bench.client import Answer
from bench.generator import send_all
from bench.report import percentile
from bench.server import Server
from bench.upload import Upload

SIDE = 5792  # whose square is the default of SERVICE_MAX_PIXELS, 33.5 million
PICTURES, PARTS = 16, 60
SMALL_CONNECTIONS = 2
PATIENT = {"SERVICE_DEADLINE_S": "300", "SERVICE_BODY_TIMEOUT_S": "300"}
P_MS = {50: 5.0, 99.9: 25.0}  # milliseconds by percentile; a short run on a busy machine gets four times as many


def run(long: bool) -> Iterator[Finding]:
    """The trial; long sends every picture three times."""
    file = photo(SIDE)
    yield told("a picture of 33 million pixels, RGBA", f"{len(file) / 1e6:.1f} MB")
    # 16 of them take 24 s on two cores, and more than a minute where something else runs, too. There is room for five.
    with start(**PATIENT) as server:
        small = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
        count_statuses(server.port, [small] * 2000, SMALL_CONNECTIONS)
        yield from beside(server, [make_request([("photo.png", file)])] * PICTURES * (3 if long else 1), small, long)
    # A progressive JPEG takes the most memory: all its coefficients, and its pixels twice.
    jpeg = large_photo("JPEG", SIDE, progressive=True)
    yield told("the same as a progressive JPEG", f"{len(jpeg) / 1e6:.1f} MB")
    with start(SERVICE_FORMATS="png,jpeg", **PATIENT) as server:
        count_statuses(server.port, [small] * 2000, SMALL_CONNECTIONS)
        yield from beside(server, [make_request([("photo.jpg", jpeg)])] * PICTURES * (3 if long else 1), small, long)
    with start() as server:
        parts = [(f"{index}.png", flat((SIDE, SIDE), bit_depth=1)) for index in range(PARTS)]
        started = time.perf_counter()
        statuses = count_statuses(server.port, [make_request(parts)] * 2, 2)
        yield at_most(
            f"2 requests of {PARTS} such parts at 1 bit: {dict(statuses)}", time.perf_counter() - started, 5, "s"
        )
        yield exactly("a good file afterwards", dict(count_statuses(server.port, [small], 1)), {200: 1})


def beside(server: Server, large: list[Upload], small: Upload, long: bool) -> Iterator[Finding]:
    """All large requests at once, and small ones beside them until the last large one is answered."""
    done = threading.Event()
    latencies: list[float] = []
    bad: list[Answer] = []
    peak = [0.0]

    def send_small() -> None:
        endless = itertools.takewhile(lambda _: not done.is_set(), itertools.repeat(small))
        send_all(server.port, endless, SMALL_CONNECTIONS, hear)

    def hear(answer: Answer) -> None:
        latencies.append(answer.latency_s)
        if answer.status != 200:
            bad.append(answer)

    def weigh() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], resident_mb(server))

    threads = [threading.Thread(target=work) for work in (send_small, weigh)]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    statuses = count_statuses(server.port, large, PICTURES)
    seconds = time.perf_counter() - started
    done.set()
    for thread in threads:
        thread.join()
    yield exactly(f"{len(large)} of them, {PICTURES} at once, in {seconds:.1f} s", dict(statuses), {200: len(large)})
    yield at_most("peak memory", peak[0], 1000, "MB")
    yield exactly(f"small requests beside them, {len(latencies):,}, of which bad", len(bad), 0)
    latencies.sort()
    for percent, goal in P_MS.items():
        value = percentile(latencies, percent) * 1000
        yield at_most(f"small requests beside them, p{percent:g}", value, goal if long else 4 * goal, "ms", timed=True)
