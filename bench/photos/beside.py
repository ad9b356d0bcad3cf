"""Small requests beside photographs: whether decoding starves the event loop or another model."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.candidates import Candidate
from bench.client import Answer
from bench.generator import send_all, until
from bench.payload import HOST
from bench.photos.turns import make_upload
from bench.report import percentile
from bench.rounds import Plan, start
from bench.server import ROOT
from bench.upload import Upload, multipart, post

SAMPLE = ROOT / "imgs" / "0-7.png"
LARGE_CONNECTIONS, SMALL_CONNECTIONS = 16, 2
PERCENTS = (50, 99, 99.9)


def measure_beside(candidate: Candidate, plan: Plan, photos: Sequence[Path], classes: Sequence[int]) -> dict[str, Any]:
    """Milliseconds of digits to MNIST's model, while the photographs go to the other one, on the candidate's cores.

    Raises:
        BenchError: The server cannot be started.
    """
    large = [make_upload(candidate, path, label) for path, label in zip(photos, classes, strict=True)]
    url = urlsplit(f"{HOST}/mnist/classify")
    small = [Upload(SAMPLE.name, 7, post(url, *multipart(SAMPLE.read_bytes(), SAMPLE.name)))]
    statuses: dict[int, int] = {}
    done: list[Answer] = []
    os.sched_setaffinity(0, {plan.server_core, plan.generator_core})
    with start(candidate, plan) as server:
        end = time.perf_counter() + plan.seconds

        def count(answer: Answer) -> None:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1

        thread = threading.Thread(target=send_all, args=(server.port, until(large, end), LARGE_CONNECTIONS, count))
        thread.start()
        send_all(server.port, until(small, end), SMALL_CONNECTIONS, done.append)
        thread.join()
    latencies_s = sorted(answer.latency_s for answer in done if answer.status == 200)
    return {
        "photographs": statuses,
        "digits": len(done),
        "digits refused": len(done) - len(latencies_s),
        **{f"p{percent:g}_ms": round(percentile(latencies_s, percent) * 1000, 2) for percent in PERCENTS},
    }
