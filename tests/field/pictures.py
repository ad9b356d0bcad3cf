"""Pictures to upload: sharp coloured blocks, so that a wrong layout, order or size is seen in every mean."""

from __future__ import annotations

import io
import zlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # (H, W, 1, 3 or 4)

# Height, width and channels. Sides are multiples of 12, so that proportions stay whole where a case halves them.
SHAPES = {
    "landscape": (24, 36, 3),
    "portrait": (48, 24, 3),
    "square": (36, 36, 3),
    "gray": (24, 48, 1),
    "alpha": (36, 24, 4),
    "tiny": (6, 8, 3),
    "wide": (12, 60, 3),
    "exact": (12, 12, 3),
    "exact_alpha": (12, 12, 4),
    "fine": (48, 48, 3),
    "fine_wide": (36, 72, 3),
    "fine_gray": (60, 48, 1),
    "fine_tall": (72, 36, 3),
}
FLAT_ALPHA = np.array([0, 90, 255], np.uint8)  # a third of an alpha picture each, from the top


@cache
def pixels_of(name: str) -> Pixels:
    """Pixels (H, W, C) of the picture of that name; the same in every process."""
    height, width, channels = SHAPES[name]
    random = np.random.default_rng(zlib.crc32(name.encode()))
    step = 2 if name.startswith("fine") else 6
    blocks = (-(-height // step), -(-width // step), min(channels, 3))
    # Dark, middle and light, seldom alike in two channels: a mean over a region is far from that of the next.
    coarse = random.choice(np.array([10, 60, 128, 200, 245], np.uint8), blocks)
    tint = random.choice(np.array([0.35, 1.0]), min(channels, 3)) if channels != 1 else np.ones(1)
    pixels: Pixels = (coarse.repeat(step, 0).repeat(step, 1)[:height, :width] * tint).astype(np.uint8)
    if channels == 4:
        alpha = FLAT_ALPHA[np.arange(height) * 3 // height]
        pixels = np.dstack((pixels, np.broadcast_to(alpha[:, np.newaxis], (height, width))))
    return pixels


@cache
def png_of(name: str) -> bytes:
    """The picture as a PNG file."""
    pixels = pixels_of(name)
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
