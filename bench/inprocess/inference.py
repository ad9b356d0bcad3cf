"""Images a second of a model in this process, without HTTP: the service's runner, and ONNX Runtime alone beside it.

    python -m bench.inprocess.inference MODEL.onnx IMAGES.npy SECONDS ANSWERS.npy

prints one JSON object and writes the probabilities of all images. The device is SERVICE_DEVICE's, as for the service.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import itertools
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inference.device import choose_device, powers_of_two
from service.inference.model import Model, sound
from service.inference.onnx_runtime import ort
from service.inference.session import open_session
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
    sizes = [size for size in powers_of_two(model.max_batch) if size in model.runner.sizes]
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
    """Probabilities (N, classes) of all images, in batches of every size in turn."""
    rows: list[NDArray[np.float32]] = []
    for size in itertools.cycle(model.runner.sizes):
        rows += [row for _, row in sound(model.run(list(images[len(rows) : len(rows) + size])))]
        if len(rows) == len(images):
            return np.stack(rows)
    raise AssertionError("a model has at least one batch size")


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
    started = time.perf_counter()

    def repeat(_: int) -> int:
        count = 0
        while time.perf_counter() < started + seconds:
            work()
            count += 1
        return count

    if threads == 1:  # ONNX Runtime keeps CUDA graphs for each thread
        return repeat(0) / (time.perf_counter() - started)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(repeat, range(threads))) / (time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
