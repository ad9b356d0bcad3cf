"""More requests than can be answered: the wait stays bounded, the rest is refused at once, and what is done is good.

One core serves, the other one sends. Models take 10 µs (MNIST's), 1 ms, 30 ms and 1 s for an image.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import server
from bench.chaos.arrivals import LEFT, Tally, arrive
from bench.chaos.goals import Finding, at_least, at_most, exactly, told
from bench.chaos.kill import read_metrics
from bench.chaos.serving import SAMPLE, make_request
from bench.chaos.slow import slow_model
from bench.client import Answer
from bench.generator import send_all
from bench.server import Server
from bench.upload import Upload

MODELS = {"mnist": 10e-6, "1ms": 0.001, "30ms": 0.03, "1s": 1.0}  # seconds an image
BOUND_S = 0.1  # the default of SERVICE_MAX_WAIT_S; two batches where those take longer
FACTORS = {"mnist": (1.25, 1.5, 2), "1ms": (4, 2, 10), "30ms": (4, 2, 10), "1s": (4, 2, 10)}  # of what is possible
SERVER_CORE, SENDER_CORE = 0, 1


def run(long: bool) -> Iterator[Finding]:
    """The trial; long loads for 10 s each instead of 1.5, with more kinds of load, and two workers as well."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        shutil.copytree("models/mnist", models / "mnist")
        for name in ("1ms", "30ms", "1s") if long else ("1ms", "30ms"):
            slow_model(models / name / "1/model.onnx", MODELS[name])
        for name in sorted(path.name for path in models.iterdir()):
            with serving(models) as started:
                yield from overload(started, name, long)
        yield from crowd(models, long)
        yield from leavers(models, long)
        yield from deadlines(models, long)
        yield from neighbours(models, long)
        for name in ("1ms", "30ms") if long else ():  # MNIST's would only tell of the sender, which has no core then
            with serving(models, "--workers", "2") as started:
                yield from overload(started, name, long, "two workers, ")


@contextmanager
def serving(models: Path, *options: str, **environment: str) -> Iterator[Server]:
    """The service on its core, or on both where options are given, and this process on the other one."""
    way = os.environ.get("CHAOS_WAY", "fast")

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "service", "--port", str(port), "--way", way, *options]

    both = os.sched_getaffinity(0)
    variables = {"SERVICE_MODELS": str(models), "SERVICE_DEVICE": "cpu", **environment}
    with server.running(command, server.READY_PATH, variables, both if options else {SERVER_CORE}) as started:
        os.sched_setaffinity(0, {SENDER_CORE})
        try:
            yield started
        finally:
            os.sched_setaffinity(0, both)


def upload(model: str, headers: bytes = b"") -> Upload:
    """The request that is sent again and again."""
    return make_request([(SAMPLE.name, SAMPLE.read_bytes())], f"/{model}/classify", headers)


def overload(started: Server, name: str, long: bool, where: str = "") -> Iterator[Finding]:
    """Loads below and above what the model can do."""
    image_s, message, shares = MODELS[name], upload(name), bool(where)
    seconds = (60.0 if image_s > 0.5 else 10.0) if long else 1.5
    longest_s = max(BOUND_S, 2 * image_s)
    closed_loop(started.port, message, 2, 2 * image_s)
    connections = max(2, min(64, int(0.8 * longest_s / image_s))) * (2 if where else 1)
    capacity = closed_loop(started.port, message, connections, seconds).rate(200)
    what = f"{where}{'MNIST' if name == 'mnist' else name}"
    yield told(f"{what}: answers a second at most, of {connections} connections", f"{capacity:,.1f}")
    calm = arrive(started.port, message.message, 0.7 * capacity, seconds, shares_core=shares)
    yield told(f"{what}, 0.7 times that: p50, p99", f"{calm.percentile_ms(50):.1f}, {calm.percentile_ms(99):.1f} ms")
    for factor in FACTORS[name] if long else FACTORS[name][:1]:
        rate, seed = factor * capacity, round(factor)
        tally = arrive(started.port, message.message, rate, seconds, seed=seed, shares_core=shares)
        load = f"{what}, {tally.sent / tally.elapsed_s / capacity:.1f} times"
        yield exactly(f"{load}: statuses besides 200 and 503", sorted(tally.statuses - {200, 503}), [])
        p99, goal_ms = tally.percentile_ms(99), (1000 * longest_s + 3 * calm.percentile_ms(99)) * (1 if long else 2)
        what_waits = f"{load}: p99 of what is accepted"
        # The short form of a quick model's load is 36,000 requests in a burst of 1.5 s: it tells of the machine.
        yield (
            at_most(what_waits, p99, goal_ms, "ms", timed=True)
            if long or image_s >= 0.001
            else told(what_waits, f"{p99:.0f} ms")
        )
        yield from refusals(load, tally, capacity, image_s, long)
    time.sleep(1)
    after = arrive(started.port, message.message, 0.7 * capacity, seconds, seed=1, shares_core=shares)
    goal_ms = 2 * calm.percentile_ms(99) + (10 if long else 100)
    yield at_most(f"{what}, 0.7 times, a second later: p99", after.percentile_ms(99), goal_ms, "ms", timed=True)


def refusals(load: str, tally: Tally, capacity: float, image_s: float, long: bool) -> Iterator[Finding]:
    """What refusing costs, and how much good is done beside it."""
    share, refused = tally.rate(200) / capacity, tally.rate(503)
    if refused > capacity / 2:
        yield told(f"{load}: a refusal takes", f"{max(0.0, 1 - share) / refused * 1e6:.0f} µs of the answers' time")
    if image_s < 0.001:
        yield told(f"{load}: good answers, of what is possible", f"{share:.2f}")
        return
    yield at_most(f"{load}: p99 of a refusal", tally.percentile_ms(99, 503), 5 if long else 20, "ms", timed=True)
    yield at_least(f"{load}: good answers, of what is possible", share, 0.95 if long else 0.6, timed=True)


def closed_loop(port: int, message: Upload, connections: int, seconds: float) -> Tally:
    """As many requests as some connections can send, each as soon as it has its answer."""
    tally = Tally()
    end = time.perf_counter() + seconds

    def receive(answer: Answer) -> None:
        tally.latencies_s[answer.status].append(answer.latency_s)

    def until() -> Iterator[Upload]:
        while time.perf_counter() < end:
            yield message

    tally.elapsed_s = send_all(port, until(), connections, receive)
    return tally


def crowd(models: Path, long: bool) -> Iterator[Finding]:
    """Two thousand connections in a closed loop, against 64."""
    with serving(models) as started:
        few, many = (closed_loop(started.port, upload("mnist"), count, 10.0 if long else 2.0) for count in (64, 2000))
    yield told("MNIST, 64 and 2,000 connections: good a second", f"{few.rate(200):,.0f}, {many.rate(200):,.0f}")
    ratio = many.rate(200) / few.rate(200)
    yield at_least("MNIST, 2,000 connections: good answers, of those at 64", ratio, 0.9 if long else 0.6, timed=True)
    yield at_most("MNIST, 2,000 connections: p99 of what is accepted", many.percentile_ms(99), 200, "ms", timed=True)
    if long:
        yield from beside_refusals(models, 1 / many.rate(200))


def beside_refusals(models: Path, answer_s: float) -> Iterator[Finding]:
    """Of a quick model's answers, what refusing leaves: its cost is measured where nearly all are refused."""
    with serving(models, SERVICE_MAX_WAIT_S="0.001") as started:
        refused = closed_loop(started.port, upload("mnist"), 2000, 5.0)
    refusal_s = (1 - refused.rate(200) * answer_s) / refused.rate(503)
    yield told("MNIST, 2,000 connections: an answer, a refusal", f"{answer_s * 1e6:.0f}, {refusal_s * 1e6:.0f} µs")
    with serving(models) as started:
        tally = arrive(started.port, upload("mnist").message, 1.25 / answer_s, 10.0)
    left = (1 - tally.sent / tally.elapsed_s * refusal_s) / (answer_s - refusal_s)
    yield at_least("MNIST, 1.25 times: good answers, of what refusing leaves", tally.rate(200) / left, 0.9, timed=True)


def leavers(models: Path, long: bool) -> Iterator[Finding]:
    """Clients that give up: nothing is run for them, nor for those that say when they will."""
    loads = [("30ms", 5.0, b""), ("30ms", 0.08, b"X-Request-Timeout: 0.08\r\n"), ("30ms", 0.08, b"")]
    for name, patience_s, header in [*loads, ("1s", 5.0, b""), ("1s", 1.5, b"")] if long else loads[:2]:
        seconds = max(2.0, 40 * MODELS[name]) if long else 1.5
        with serving(models) as started:
            tally = arrive(started.port, upload(name, header).message, 8 / MODELS[name], seconds, patience_s)
            runs = read_metrics(started)[f'service_images_total{{model="{name}",version="1"}}']
        says = ", and say so" if header else ""
        what = f"{name}, 8 times, {tally.count(LEFT)} left after {patience_s} s{says}: runs an answer"
        ratio = runs / max(1, tally.count(200))
        # Who leaves while it waits, without a word, and sooner than the bound, may be with the model already.
        yield (
            at_most(what, ratio, 1.1, timed=bool(header)) if patience_s == 5.0 or header else told(what, f"{ratio:.2f}")
        )


def deadlines(models: Path, long: bool) -> Iterator[Finding]:
    """Clients that name a deadline: who gets an answer gets it in time."""
    message = upload("30ms", b"X-Request-Timeout: 0.08\r\n").message
    with serving(models) as started:
        tally = arrive(started.port, message, 4 / MODELS["30ms"], 10.0 if long else 2.0)
    what = "30ms, 4 times, a deadline of 80 ms"
    yield exactly(f"{what}: statuses besides 200 and 503", sorted(tally.statuses - {200, 503}), [])
    yield at_most(f"{what}: p99 of what is accepted", tally.percentile_ms(99), 90, "ms", timed=True)
    yield at_least(f"{what}: good answers, of the capacity", tally.rate(200) * MODELS["30ms"], 0.8, timed=True)


def neighbours(models: Path, long: bool) -> Iterator[Finding]:
    """A quick model beside two clients of a slow one, on both cores, which they share with the sender."""
    seconds = 10.0 if long else 2.0
    with serving(models, "--workers", "1") as started:
        alone = arrive(started.port, upload("mnist").message, 200, seconds, shares_core=True)
        # In a process of its own: a thread would hold up the sender whose latencies count.
        slow = multiprocessing.Process(target=closed_loop, args=(started.port, upload("30ms"), 2, seconds + 1))
        slow.start()
        time.sleep(0.5)
        beside = arrive(started.port, upload("mnist").message, 200, seconds, shares_core=True)
        slow.join()
    yield told("MNIST, 200 a second, alone: p99", f"{alone.percentile_ms(99):.2f} ms")
    goal_ms = 3 if long else 10
    yield at_most(
        "MNIST, 200 a second, beside two clients of 30ms: p99", beside.percentile_ms(99), goal_ms, "ms", timed=True
    )
