"""How long ONNX models take for an image on one thread, in turn, so that a busy machine slows all of them."""

import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

TURNS = 15  # of each model
LEAST_S = 0.03  # of a turn


def time_in_turn(models: Sequence[bytes | Path], images: NDArray[Any], turns: int = TURNS) -> list[float]:
    """Median microseconds an image of each model, run on all `images` (n, height, width, channels) at once."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    sessions = [
        ort.InferenceSession(str(model) if isinstance(model, Path) else model, options, ["CPUExecutionProvider"])
        for model in models
    ]
    runs = max(1, round(LEAST_S / _time(sessions[0], images, 2)))
    taken = [[_time(session, images, runs) for session in sessions] for _ in range(turns)]
    return [statistics.median(times) / len(images) * 1e6 for times in zip(*taken, strict=True)]


def _time(session: ort.InferenceSession, images: NDArray[Any], runs: int) -> float:
    # Seconds of a run, after one that is not counted.
    session.run(None, {"image": images})
    started = time.perf_counter()
    for _ in range(runs):
        session.run(None, {"image": images})
    return (time.perf_counter() - started) / runs


def name_processor() -> str:
    """As the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
