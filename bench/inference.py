"""Images a second of a model in this process, without HTTP: the service's runner, and ONNX Runtime alone beside it.

    python -m bench.inference MODEL.onnx IMAGES.npy SECONDS ANSWERS.npy

prints one JSON object and writes the probabilities of all images. The device is SERVICE_DEVICE's, as for the service.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.device import choose_device, open_session
from service.model import Model
from service.onnx_runtime import ort
from service.runner import batch_sizes
from service.settings import Settings

Images = NDArray[np.uint8]  # (N, H, W, C)


def main(file: str, images_file: str, seconds: str, answers_file: str) -> None:
    """Measure and print."""
    images: Images = np.load(images_file)
    settings = Settings.from_environment()
    device = choose_device(settings)
    started = time.perf_counter()
    model = Model("model", 1, Path(file), device, settings)
    warm_s = time.perf_counter() - started
    np.save(answers_file, classify(model, images))
    session = open_session(Path(file), model.device)
    sizes = batch_sizes(model.max_batch, padded=True)
    rates = {size: measure(model, session, images, size, float(seconds)) for size in sizes}
    result = {
        "device": model.device.name,
        "graphs": model.device.graphs,
        "nodes": model.placement.counts,
        "on the cpu": model.placement.strays,
        "warm_s": round(warm_s, 2),
        "images_per_s": rates,
    }
    print(json.dumps(result))


def classify(model: Model, images: Images) -> NDArray[np.float32]:
    """Probabilities (N, classes) of all images."""
    size = model.max_batch
    batches = [list(images[start : start + size]) for start in range(0, len(images), size)]
    return np.stack([row for batch in batches for _, row in model.run(batch)])


def measure(model: Model, session: ort.InferenceSession, images: Images, size: int, seconds: float) -> dict[str, float]:
    """Images a second in batches of `size`.

    `runner` gathers, copies, runs and copies back, on as many threads as it has slots. `bound` is ONNX Runtime's best:
    the same batch again and again, from and to buffers on the device. `plain` is what most people write: session.run.
    """
    batch = images[np.arange(size) % len(images)]
    rows = list(batch)
    name, output = session.get_inputs()[0].name, session.get_outputs()[0].name
    place = model.device.memory, 0
    binding = session.io_binding()
    binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(batch, *place))
    outputs = np.zeros((size, model.classes), np.float32)
    binding.bind_ortvalue_output(output, ort.OrtValue.ortvalue_from_numpy(outputs, *place))
    graph, no_graph = ort.RunOptions(), ort.RunOptions()
    graph.add_run_config_entry("gpu_graph_id", str(size))
    no_graph.add_run_config_entry("gpu_graph_id", "-1")
    work: dict[str, tuple[Callable[[], Any], int]] = {
        "runner": (lambda: model.runner.run(rows), model.slots),
        "bound": (lambda: session.run_with_iobinding(binding, graph), 1),
        "plain": (lambda: session.run([output], {name: batch}, no_graph), 1),
    }
    return {kind: round(size * rate(one, seconds, threads), 1) for kind, (one, threads) in work.items()}


def rate(work: Callable[[], Any], seconds: float, threads: int) -> float:
    """How often a second the work is done, by that many threads together."""
    work()
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def repeat(thread: int) -> None:
        while time.perf_counter() < end:
            work()
            counts[thread] += 1

    started = time.perf_counter()
    workers = [threading.Thread(target=repeat, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
