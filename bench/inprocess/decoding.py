"""Milliseconds from a PNG to a 224-pixel model's view: the service, OpenCV alone, Pillow, and libvips if it is there.

    python -m bench.inprocess.decoding

Natural photographs (scikit-image's, in mosaics of their own pixels), side by side, in turn, on one core. The last
columns are mean differences from Pillow's antialiased filters, of 255, for what the service and OpenCV's filters give.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images.decoding import decode
from service.images.preprocessing import RGB, Target, fit

Pixels = NDArray[np.uint8]
SIDE = 224
TARGET = Target(SIDE, SIDE, RGB, (255, 255, 255))
SIZES = {"512x512": (512, 512), "1920x1080": (1920, 1080), "4000x3000": (4000, 3000)}
SECONDS = 6.0  # for each size


def main() -> None:
    """Measure, print a table and one JSON line."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    result = {}
    for name, size in SIZES.items():
        file = encode(mosaic(*size))
        medians = time_in_turn(ways(file, size))
        result[name] = {
            "bytes_per_pixel": round(len(file) / (size[0] * size[1]), 2),
            "ms": {way: round(seconds * 1000, 2) for way, seconds in medians.items()},
            "of_opencv": round(medians["service"] / medians["OpenCV"], 3),
            "difference": differences(decode(file, 1 << 30)),
        }
        print(f"{name:<12}{result[name]}")
    print(json.dumps(result))


def mosaic(width: int, height: int) -> Pixels:
    """A photograph (height, width, 3) of native crops, so that it compresses as photographs do."""
    from skimage import data

    photos = [data.astronaut(), data.coffee(), data.chelsea()]
    crop = 300, 400
    rows = []
    for row in range(-(-height // crop[0])):
        tiles = [photos[(row + column) % 3][: crop[0], : crop[1]] for column in range(-(-width // crop[1]))]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)[:height, :width]


def encode(pixels: Pixels) -> bytes:
    """The PNG that Pillow writes by default."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


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


def time_in_turn(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each."""
    durations: dict[str, list[float]] = {name: [] for name in work}
    end = time.perf_counter() + SECONDS
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
