"""Milliseconds from a PNG to a model's view: the service, OpenCV alone, Pillow, and libvips if it is there.

    python -m bench.inprocess.decoding

First a digit of 28x28 to a model of that size, in microseconds. Then natural photographs (scikit-image's, in mosaics of
their own pixels) to one of 224, side by side, in turn, on one core. The last columns are mean differences from Pillow's
antialiased filters, of 255, for what the service and OpenCV's filters give.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.photos.pictures import encode, mosaic
from bench.server import ROOT
from service.images.decoding import decode
from service.images.preprocessing import GREY, RGB, Target, fit
from service.images.reading import read_image

Pixels = NDArray[np.uint8]
SIDE = 224
TARGET = Target(SIDE, SIDE, RGB, (255, 255, 255))
SIZES = {"512x512": (512, 512), "1920x1080": (1920, 1080), "4000x3000": (4000, 3000)}
SECONDS = 6.0  # for each size
DIGIT, DIGIT_TARGET = ROOT / "imgs" / "0-7.png", Target(28, 28, GREY, (255, 255, 255))
ROUNDS, REPEATS = 200, 500  # of the digit; the best round counts


def main() -> None:
    """Measure, print a table and one JSON line."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    result: dict[str, Any] = {"28x28, us": time_digit()}
    print(f"{'28x28, us':<12}{result['28x28, us']}")
    for name, size in SIZES.items():
        file = encode(mosaic(*size))
        medians = time_in_turn(ways(file, size), SECONDS)
        result[name] = {
            "bytes_per_pixel": round(len(file) / (size[0] * size[1]), 2),
            "ms": {way: round(seconds * 1000, 2) for way, seconds in medians.items()},
            "of_opencv": round(medians["service"] / medians["OpenCV"], 3),
            "difference": differences(decode(file, 1 << 30)),
        }
        print(f"{name:<12}{result[name]}")
    print(json.dumps(result))


def time_digit() -> dict[str, float]:
    """Microseconds of the hot path's file: by the service, as an upload, and by OpenCV without any check."""
    file = DIGIT.read_bytes()
    array = np.frombuffer(file, np.uint8)
    work: dict[str, Callable[[], object]] = {
        "service": lambda: read_image(file, DIGIT.name, DIGIT_TARGET, 1 << 16),
        "OpenCV": lambda: cv2.imdecode(array, cv2.IMREAD_UNCHANGED),
    }
    best = dict.fromkeys(work, np.inf)
    for _ in range(ROUNDS):
        for name, one in work.items():
            started = time.perf_counter()
            for _ in range(REPEATS):
                one()
            best[name] = min(best[name], (time.perf_counter() - started) / REPEATS)
    return {name: round(seconds * 1e6, 2) for name, seconds in best.items()}


def ways(file: bytes, size: tuple[int, int]) -> dict[str, Callable[[], object]]:
    """What is compared, each from the file's bytes to the pixels of the same size."""
    array = np.frombuffer(file, np.uint8)
    scale = min(SIDE / size[0], SIDE / size[1])
    fitted = round(size[0] * scale), round(size[1] * scale)
    work: dict[str, Callable[[], object]] = {
        "service": lambda: fit(decode(file, 1 << 30), TARGET),
        "OpenCV": lambda: cv2.resize(cv2.imdecode(array, cv2.IMREAD_COLOR), fitted, interpolation=cv2.INTER_AREA),
        "Pillow": lambda: np.asarray(Image.open(io.BytesIO(file)).resize(fitted, Image.Resampling.LANCZOS)),
    }
    try:
        import pyvips
    except (ImportError, OSError):  # the binding without its library
        return work
    return {**work, "libvips": lambda: pyvips.Image.thumbnail_buffer(file, SIDE, height=SIDE).numpy()}


def time_in_turn(work: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each, measured for so many in all."""
    durations: dict[str, list[float]] = {name: [] for name in work}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, one in work.items():
            started = time.perf_counter()
            one()
            durations[name].append(time.perf_counter() - started)
    return {name: float(np.median(values)) for name, values in durations.items()}


def differences(pixels: Pixels) -> dict[str, dict[str, float]]:
    """Mean difference of the service's view from each of Pillow's filters, and those filters' from one another."""
    height, width = (round(side * SIDE / max(pixels.shape[:2])) for side in pixels.shape[:2])
    image = Image.fromarray(pixels)
    filters = ("LANCZOS", "BICUBIC", "BILINEAR")
    by_pillow = {name: np.asarray(image.resize((width, height), Image.Resampling[name]), int) for name in filters}
    view = fit(pixels, TARGET)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    views = {"service": view[top : top + height, left : left + width].astype(int), **by_pillow}
    return {
        one: {other: round(float(np.abs(views[one] - by_pillow[other]).mean()), 2) for other in filters if other != one}
        for one in views
    }


if __name__ == "__main__":
    main()
