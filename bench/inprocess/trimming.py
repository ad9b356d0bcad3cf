"""Microseconds from decoded pixels to a 28-pixel model's view: fitted as a whole, and trimmed.

    python -m bench.inprocess.trimming

Sheets with a bar of a digit's size, side by side, in turn, on one core; decoding is what comes before in the service.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import json
import os
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.inprocess.decoding import time_in_turn
from bench.photos.pictures import encode
from service.images.decoding import decode
from service.images.preprocessing import GREY, Target, fit

WHITE = (255, 255, 255)
WAYS = {name: Target.plan((28, 28), GREY, WHITE, name, None) for name in ("fit", "trim")}
SIZES = ((100, 100, 1), (300, 200, 1), (448, 448, 3), (1000, 1000, 3), (3000, 4000, 3))  # height, width, channels
SECONDS = 3.0  # for each sheet
SHARES = (0.2, 0.8)  # of the height, that the bar has


def main() -> None:
    """Measure, print a table and one JSON line."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    result = {}
    print(f"{'sheet':<18}{'bar':>5}{'decode':>10}{'fit':>9}{'trim':>9}{'trim of fit':>13}{'with decoding':>15}")
    for height, width, channels in SIZES:
        for share in SHARES:
            pixels = draw(height, width, channels, share)
            file = encode(pixels if channels > 1 else pixels[..., 0])
            ways = {name: partial(fit, pixels, target) for name, target in WAYS.items()}
            medians = time_in_turn({"decode": partial(decode, file, 1 << 30), **ways}, SECONDS)
            decoding, whole, trimmed = (medians[way] * 1e6 for way in ("decode", "fit", "trim"))
            ratio, with_decoding = trimmed / whole, (decoding + trimmed) / (decoding + whole)
            name = f"{height}x{width}x{channels}"
            print(
                f"{name:<18}{share:>5}{decoding:>10.0f}{whole:>9.0f}{trimmed:>9.0f}{ratio:>13.2f}{with_decoding:>15.2f}"
            )
            result[f"{name}, {share}"] = round(ratio, 3)
    print(json.dumps(result))


def draw(height: int, width: int, channels: int, share: float) -> NDArray[np.uint8]:
    """Slightly noisy paper (height, width, channels) with a dark bar off its centre."""
    pixels = np.random.default_rng(0).normal(220, 2, (height, width, channels))
    length = round(share * height)
    top, left = (height - length) // 3, width // 3
    pixels[top : top + length, left : left + max(1, length // 4)] = 40
    return pixels.clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
