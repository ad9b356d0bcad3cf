"""Other servers under the loads of `overload`, and this one in the same run. Builds their environments."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.candidates import CANDIDATES
from bench.chaos.arrivals import LEFT, arrive
from bench.chaos.goals import Finding, told
from bench.chaos.overload import SENDER_CORE, SERVER_CORE, closed_loop
from bench.chaos.peers import make_upload
from bench.chaos.slow import slow_model
from bench.rounds import Plan, start

NAMES = ("service", "starlette", "litserve", "mosec")
LOADS = {"mnist": (0.7, 1.25), "30ms": (0.7, 2, 4)}  # of what each can do itself
CONNECTIONS = {"mnist": 64, "30ms": 3}  # of the closed loop that finds out what
PATIENCE_S = 5.0


def run(long: bool) -> Iterator[Finding]:
    """The trial; these are not ours, so there is no goal."""
    seconds = 10.0 if long else 3.0
    both = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("models/mnist", Path(folder) / "mnist/mnist")
        slow_model(Path(folder) / "30ms/mnist/1/model.onnx", 0.03)  # under the name that the peers look for
        for model, factors in LOADS.items():
            plan = Plan("python", [], 0.0, Path(folder) / model, SERVER_CORE, SENDER_CORE)
            for candidate in [one for one in CANDIDATES if one.name in NAMES]:
                upload = make_upload(candidate.form, candidate.path, keep_alive=True)
                with start(candidate, plan) as server:
                    os.sched_setaffinity(0, {SENDER_CORE})
                    closed_loop(server.port, upload, CONNECTIONS[model], 1.0)
                    capacity = closed_loop(server.port, upload, CONNECTIONS[model], seconds).rate(200)
                    for factor in factors:
                        tally = arrive(server.port, upload.message, factor * capacity, seconds, PATIENCE_S)
                        others = {status: tally.count(status) for status in sorted(tally.statuses - {200, LEFT})}
                        yield told(
                            f"{model}, {candidate.title}: {factor:g} times {capacity:,.0f} a second",
                            f"good {tally.rate(200) / capacity:.2f}, p50 {tally.percentile_ms(50):,.0f} ms,"
                            f" p99 {tally.percentile_ms(99):,.0f} ms, gave up {tally.count(LEFT)}, others {others}",
                        )
                        time.sleep(1)
                os.sched_setaffinity(0, both)
