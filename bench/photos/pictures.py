"""Photographs of any size, of scikit-image's, as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # (H, W, 3)
CROP = 300, 400  # height and width in pixels, of native ones: enlarged, they would compress as no photograph does
SIZES = {"224x224": (224, 224), "512x512": (512, 512), "1920x1080": (1920, 1080)}  # width, height
COUNTS = {"224x224": 24, "512x512": 12, "1920x1080": 6}  # different pictures
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {"png": ("PNG", {}), "jpg": ("JPEG", {"quality": 90})}
KINDS = [f"{suffix} {size}" for size in SIZES for suffix in FORMATS]


def mosaic(width: int, height: int, number: int = 0) -> Pixels:
    """A photograph (height, width, 3) of native crops, so that it compresses as photographs do; each number another."""
    from skimage import data

    photos = [data.astronaut(), data.coffee(), data.chelsea()]
    draws = np.random.default_rng(number)
    rows = []
    for row in range(-(-height // CROP[0])):
        tiles = []
        for column in range(-(-width // CROP[1])):
            photo = photos[(row + column + number) % len(photos)]
            top, left = (draws.integers(0, whole - part + 1) for whole, part in zip(photo.shape, CROP, strict=False))
            tiles.append(photo[top : top + CROP[0], left : left + CROP[1]])
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)[:height, :width]


def encode(pixels: Pixels, kind: str = "PNG", **options: Any) -> bytes:
    """The file that Pillow writes by default."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def write_pictures(folder: Path) -> dict[str, list[Path]]:
    """Files by kind, such as "png 512x512", one folder for each."""
    written: dict[str, list[Path]] = {}
    for size, (width, height) in SIZES.items():
        pictures = [mosaic(width, height, number) for number in range(COUNTS[size])]
        for suffix, (kind, options) in FORMATS.items():
            place = folder / f"{suffix} {size}"
            place.mkdir(parents=True)
            written[place.name] = []
            for number, pixels in enumerate(pictures):
                path = place / f"{number}.{suffix}"
                path.write_bytes(encode(pixels, kind, **options))
                written[place.name].append(path)
    return written
