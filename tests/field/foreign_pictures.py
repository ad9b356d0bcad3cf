"""Pictures for other people's models: scikit-image's photographs and scans, cut and turned."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Pixels = NDArray[np.uint8]


@cache
def pixels_of(name: str) -> Pixels:
    """Pixels (H, W, 1 or 3) of the picture of that name."""
    match name:
        case "astronaut":
            pixels = data.astronaut()
        case "face":  # 128 x 128
            pixels = data.astronaut()[30:158, 160:288]
        case "cup":  # 400 x 400
            pixels = data.coffee()[:, 100:500]
        case "cup_wide":  # 400 x 600
            pixels = data.coffee()
        case "wall":  # 512 x 512, grey
            pixels = data.brick()
        case "scan":  # 256 x 384, white all around
            pixels = np.full((256, 384), 255, np.uint8)
            pixels[36:220, 6:378] = _paper()[:184, 6:378]
        case "scan_turned":
            pixels = np.rot90(pixels_of("scan")[:, :, 0])
        case "line":  # 48 x 192, the first line
            pixels = _paper()[2:50, 2:194]
        case "line_upside_down":
            pixels = np.rot90(pixels_of("line")[:, :, 0], 2)
        case "detail":  # 224 x 224
            pixels = data.astronaut()[:224, 100:324]
        case _:
            raise KeyError(name)
    return np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis])


def _paper() -> Pixels:
    """The scanned page, its grey paper made white."""
    page = data.page().astype(np.float64)
    whitened: Pixels = np.clip(page / page.max(axis=1, keepdims=True) * 255, 0, 255).astype(np.uint8)
    return whitened


def png_of(name: str) -> bytes:
    """The picture as a PNG file."""
    pixels = pixels_of(name)
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
