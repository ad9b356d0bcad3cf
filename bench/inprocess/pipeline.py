"""What a request needs at the least besides HTTP, measured in this process: decode the PNG, run the model.

    python -m bench.inprocess.pipeline MODEL IMAGES.npy

prints one JSON object: the right classes, and microseconds an image for decoding and for each batch size of the model.
It is run pinned to the servers' core. The decoder is libpng, in OpenCV, without any check around it.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from bench.upload import encode_png, vary

BATCHES = (1, 2, 4, 8, 16, 32, 64)
REPEATS = 200


def main(model: str, images_file: str) -> None:
    """Measure and print."""
    images = np.load(images_file)  # (N, 28, 28) uint8
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    tensor = images[..., np.newaxis]  # (N, 28, 28, 1)
    (probabilities,) = session.run(None, {name: tensor})
    files = [np.frombuffer(encode_png(vary(image, "plain")), np.uint8) for image in images]
    result: dict[str, Any] = {
        "classes": probabilities.argmax(axis=1).tolist(),
        "decode_us": median_us(lambda: [cv2.imdecode(file, cv2.IMREAD_UNCHANGED) for file in files], 10) / len(files),
        "run_us": {
            batch: median_us(lambda: session.run(None, {name: tensor[:batch]}), REPEATS) / batch  # noqa: B023
            for batch in BATCHES
        },
    }
    print(json.dumps(result))


def median_us(work: Callable[[], object], repeats: int) -> float:
    """Median duration of `work`."""
    durations = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        durations.append(time.perf_counter() - started)
    return float(np.median(durations)) * 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
