"""What a photograph needs besides HTTP, measured in this process: decode, fit, run the model.

    python -m bench.inprocess.photos MODEL FOLDER KIND…

prints one JSON object: for each kind of file, FOLDER/KIND/<number>.png or .jpg, the classes, and the milliseconds of
processor time for decoding and fitting one, by this service and by Pillow, as most people write it; and of the model
for an image at each batch size. It is run pinned to the servers' core.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.peers import preparing
from service.images.decoding import FORMATS, decode
from service.images.preprocessing import Target, fit
from service.inference.onnx_runtime import ort

Pixels = NDArray[np.uint8]
BATCHES = (1, 4, 16)
SECONDS = 1.0  # for each figure, at least
SIZE = preparing.SIDE, preparing.SIDE
TARGET = Target.plan(SIZE, 3, (255, 255, 255), "stretch", None, None)
Work = Sequence[Callable[[], object]]


def main(model: str, folder: str, *names: str) -> None:
    """Measure and print."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0].name

    def classify(view: Pixels) -> int:
        return int(session.run(None, {taken: view[np.newaxis]})[0].argmax())

    kinds: dict[str, Any] = {}
    for name in names:
        files = [path.read_bytes() for path in sorted((Path(folder) / name).iterdir(), key=lambda path: int(path.stem))]
        pixels = [decode(data, 1 << 30, tuple(FORMATS)) for data in files]
        kinds[name] = {
            "bytes_per_pixel": sum(map(len, files)) / sum(each.shape[0] * each.shape[1] for each in pixels),
            "service": {
                "classes": [classify(preparing.service()(data)) for data in files],
                "decode_ms": mean_ms([partial(decode, data, 1 << 30, tuple(FORMATS)) for data in files]),
                "fit_ms": mean_ms([partial(fit, each, TARGET) for each in pixels]),
            },
            "pillow": {
                "classes": [classify(preparing.pillow()(data)) for data in files],
                "decode_ms": mean_ms([partial(open_by_pillow, data) for data in files]),
                "fit_ms": mean_ms([partial(fit_by_pillow, open_by_pillow(data)) for data in files]),
            },
        }
    batches = {size: np.zeros((size, *SIZE, 3), np.uint8) for size in BATCHES}
    run_ms = {size: mean_ms([partial(session.run, None, {taken: batch})]) / size for size, batch in batches.items()}
    print(json.dumps({"kinds": kinds, "run_ms": run_ms}))


def open_by_pillow(data: bytes) -> Image.Image:
    """A decoded picture."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def fit_by_pillow(picture: Image.Image) -> Pixels:
    """Pixels of the model's size."""
    return np.asarray(picture.resize(SIZE))


def mean_ms(work: Work) -> float:
    """Mean milliseconds of processor time of the works, which are done in turn."""
    for one in work:
        one()
    started, rounds = time.process_time(), 0
    while not rounds or time.process_time() - started < SECONDS:
        for one in work:
            one()
        rounds += 1
    return (time.process_time() - started) / (rounds * len(work)) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
