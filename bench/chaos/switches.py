"""New versions while it serves: no error, no answer of neither version, no stall, nothing kept."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.lossless import uploads
from bench.chaos.serving import get, settle, start, start_service
from bench.client import Answer
from bench.errors import ServerError
from bench.generator import send_all
from bench.report import percentile
from bench.server import Server

SHORT, LONG = 10, 500  # switches, with one worker and with two
LOADS_SHORT, LOADS_LONG = 3, 20  # of a large model
SOURCE = Path("models/mnist/1/model.onnx")
POLL_S = "0.1"
TIMEOUT_S = 30
LARGE = 100_000_000  # bytes of weights
LEAKING = "bench.chaos.leaking:app"


def run(long: bool) -> Iterator[Finding]:
    """The trial; long takes ten minutes."""
    for workers in (1, 2):
        yield from switch(LONG if long else SHORT, f"{workers} worker{'s' * (workers > 1)}", "--workers", str(workers))
    yield from load_large(LOADS_LONG if long else LOADS_SHORT, long)


def switch(count: int, what: str, *options: str, app: str = "") -> Iterator[Finding]:
    """One version after another, under load; `app` is another application than the service's own."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        put_version(models, 1)
        says = {"SERVICE_MODELS": folder, "SERVICE_POLL_S": POLL_S}
        begin = start(app=app, **says) if app else start_service(*options, descriptors=0, **says)
        with begin as served, Watch(served.port) as watch:
            watch.wait_for(1)
            change(models, 2, watch)  # the first one takes memory for good: onnx is imported, threads have begun
            before = settle(served, 3)
            started = time.monotonic()
            for version in range(3, 3 + count):
                change(models, version, watch)
            seconds = time.monotonic() - started
            kept = settle(served, 5) - before
        yield exactly(f"{what}, {count} switches: not 200 of {watch.answers:,}", watch.lost, 0)
        yield exactly(f"{what}: answers of a version before the last, a second after a switch", watch.stale, 0)
        yield told(f"{what}: seconds for a switch, of which the workers differed for", f"{seconds / count:.2f}, "
            f"{max(watch.overlaps):.3f} at most")  # fmt: skip
        yield at_most(f"{what}: memory kept", kept, 10 if count > SHORT else 20, "MB")


class Watch:
    """Small uploads all the time, whose answers say of which version they are."""

    def __init__(self, port: int) -> None:
        self.answers = self.lost = self.stale = 0
        self.overlaps = [0.0]  # seconds from the first answer of a version to the last one of that before it
        self._newest, self._since, self._end = 0, 0.0, threading.Event()
        endless = itertools.takewhile(lambda _: not self._end.is_set(), uploads(keep_alive=False))
        self._thread = threading.Thread(target=send_all, args=(port, endless, 8, self._receive))

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join(30)

    def _receive(self, answer: Answer) -> None:
        self.answers += 1
        if answer.status != 200:
            self.lost += 1
            return
        version, now = int(json.loads(answer.body)["cls"].partition(":")[0]), time.monotonic()
        if version > self._newest:
            self._newest, self._since = version, now
            self.overlaps.append(0.0)
        elif version < self._newest:
            self.overlaps[-1] = now - self._since
            self.stale += version < self._newest - 1 or self.overlaps[-1] > 1

    def wait_for(self, version: int) -> None:
        """Wait until answers are of that version, and for a moment longer."""
        end = time.monotonic() + TIMEOUT_S
        while self._newest < version:
            if time.monotonic() > end:
                raise ServerError(f"version {version} did not take over in {TIMEOUT_S} s")
            time.sleep(0.01)
        time.sleep(0.15)


def change(models: Path, version: int, watch: Watch) -> None:
    """Add a version, wait until it has taken over, and remove the one before it."""
    put_version(models, version)
    watch.wait_for(version)
    shutil.rmtree(models / "mnist" / str(version - 1))


def put_version(models: Path, version: int) -> None:
    """MNIST's model, whose labels say the version: "3:7"."""
    model = onnx.load(SOURCE)
    labels = {"upload_and_classify.labels": json.dumps([f"{version}:{digit}" for digit in range(10)])}
    helper.set_model_props(model, {**{each.key: each.value for each in model.metadata_props}, **labels})
    put(models / "mnist" / str(version) / "model.onnx", model.SerializeToString())


def put(path: Path, model: bytes) -> None:
    """Write a model at once, as one should."""
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").write_bytes(model)
    path.with_suffix(".part").rename(path)


def load_large(count: int, long: bool) -> Iterator[Finding]:
    """A large model is loaded again and again, beside small requests of another one."""
    ratios, worst = [], []
    with tempfile.TemporaryDirectory() as folder:
        # Serialized before: that takes 100 ms in which the client, a thread of this process, would hear no answer.
        models, model = Path(folder), make_large().SerializeToString()
        put_version(models, 1)
        with start_service(SERVICE_MODELS=folder, SERVICE_POLL_S=POLL_S) as served:
            for version in range(1, count + 1):
                calm = time_requests(served, partial(time.sleep, 1))
                busy = time_requests(served, partial(add_large, served, models, model, version))
                ratios.append(percentile(busy, 99) / percentile(calm, 99))
                worst.append(1000 * max(busy))
    what = f"a model of {LARGE / 1e6:.0f} MB, {count} loads"
    yield at_most(
        f"{what}: p99 beside it, of that before, median",
        statistics.median(ratios),
        1.25 if long else 4,
        "x",
        timed=True,
    )
    yield at_most(
        f"{what}: the longest answer, median", statistics.median(worst), 20 if long else 100, "ms", timed=True
    )
    yield told("the longest of all", f"{max(worst):.1f} ms")


def time_requests(served: Server, work: Callable[[], None]) -> Sequence[float]:
    """Seconds of each request of one client while the work goes on."""
    latencies: list[float] = []
    end = threading.Event()
    endless = itertools.takewhile(lambda _: not end.is_set(), uploads(keep_alive=True))
    receive = lambda answer: latencies.append(answer.latency_s)  # noqa: E731
    thread = threading.Thread(target=send_all, args=(served.port, endless, 1, receive))
    thread.start()
    work()
    end.set()
    thread.join()
    return latencies


def add_large(served: Server, models: Path, model: bytes, version: int) -> None:
    """Add a version of the large model, and wait until it is served."""
    put(models / "large" / str(version) / "model.onnx", model)
    end = time.monotonic() + TIMEOUT_S
    while get(served.port, "/v2/models/large")[1].get("versions") != [str(version)]:
        if time.monotonic() > end:
            raise ServerError(f"version {version} did not take over in {TIMEOUT_S} s")
        time.sleep(0.1)


def make_large() -> onnx.ModelProto:
    """A classifier of (N, 28, 28, 1) float32 with one large layer: a conversion of pixels has to be put before it."""
    rng, width = np.random.default_rng(0), LARGE // 4 // 784
    weights = {
        "first": rng.normal(0, 0.01, (784, width)).astype(np.float32),
        "last": rng.normal(0, 0.01, (width, 10)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "last"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 28, 28, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "large", [image], [logits], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
