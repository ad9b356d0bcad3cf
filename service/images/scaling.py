"""Pixels (H, W, C) uint8 to another height and width, proportions or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Scale = Callable[[Pixels, int, int], Pixels]  # pixels, height, width → pixels
# Up to this many pixels a Lanczos filter costs little; it keeps thin strokes sharper than averaging does.
MAX_LANCZOS_PIXELS = 128 * 128
FILTERS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Pixels (height, width, C) of (H, W, C), without aliasing.

    Shrunk by averaging (OpenCV's INTER_AREA); for a small result only to twice its size, and then by a Lanczos filter.
    """
    if 4 * height * width > MAX_LANCZOS_PIXELS:
        interpolation = cv2.INTER_AREA if height <= pixels.shape[0] else cv2.INTER_CUBIC
        scaled: Pixels = cv2.resize(pixels, (width, height), interpolation=interpolation)
        return scaled.reshape(height, width, -1)
    twice = min(pixels.shape[1], 2 * width), min(pixels.shape[0], 2 * height)
    nearer = cv2.resize(pixels, twice, interpolation=cv2.INTER_AREA)  # OpenCV drops a C of 1
    return by_pillow(nearer, height, width, Image.Resampling.LANCZOS)


def choose_scale(filter_: str | None) -> Scale:
    """Scales with one of FILTERS, which look at all pixels of what they shrink, but for the nearest; None: `resize`."""
    return partial(by_pillow, resampling=FILTERS[filter_]) if filter_ else resize


def by_pillow(pixels: Pixels, height: int, width: int, resampling: Image.Resampling) -> Pixels:
    """Pixels (height, width, C) of (H, W) or (H, W, C); alpha is a channel like the others."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:  # Pillow would weigh the colours with it
        colours, alpha = pixels[:, :, :3], pixels[:, :, 3]
        both = (by_pillow(part, height, width, resampling) for part in (colours, alpha))
        return np.concatenate(tuple(both), axis=2)
    picture = Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    return np.asarray(picture.resize((width, height), resampling)).reshape(height, width, -1)
