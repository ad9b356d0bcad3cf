"""Images to compare two models on: real ones from an .npz file, or made ones of several kinds."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.errors import SourceError, first_line

ImageShape = tuple[int, int, int]  # (height, width, channels)
Images = NDArray[np.uint8]  # (n, height, width, channels), 0..255
Pixels = NDArray[np.uint8] | NDArray[np.float32]  # the same, as a model takes them

REAL_LIMIT = 10_000
MADE_COUNT = 240
MADE_NUMBERS = MADE_COUNT * 224 * 224 * 3  # fewer of larger ones: they take memory and time


def load_images(path: Path, shape: ImageShape) -> tuple[Images, NDArray[Any] | None]:
    """`x_test`, uint8 (n, height, width[, channels]) as Keras's data sets have them, and `y_test` if it is there.

    Raises SourceError when the file is no such thing, or its images are not of `shape`.
    """
    try:
        with np.load(path) as data:
            images = np.atleast_1d(data["x_test"])
            classes = np.asarray(data["y_test"]) if "y_test" in data else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as err:
        raise SourceError(
            f"{path} could not be read ({first_line(err)}); it must be an .npz file with an array x_test."
        ) from err
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.shape[1:] != shape or len(images) == 0:
        raise SourceError(f"{path} holds {images.dtype} {images.shape} as x_test; the model takes uint8 (n, *{shape}).")
    return np.ascontiguousarray(images), classes


def make_images(shape: ImageShape, count: int | None = None, seed: int = 0) -> Images:
    """`count` images, in turn noise, faint noise, blobs, gradients, strokes and constants; at most 240 without it.

    White noise alone looks the same to most networks, and constant images find divisions by zero.
    """
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    if count is None:
        count = max(24, min(MADE_COUNT, MADE_NUMBERS // (height * width * channels)))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    images = np.empty((count, *shape), np.uint8)
    for i in range(count):
        for c in range(channels):
            images[i, :, :, c] = _make_plane(i % 6, i // 6, rng, y, x)
    return images


def _make_plane(
    kind: int, turn: int, rng: np.random.Generator, y: NDArray[np.float64], x: NDArray[np.float64]
) -> Images:
    # One channel, (height, width) uint8; y and x run from 0 to 1.
    a, b, c, d = rng.random(4)
    if kind == 0:
        return rng.integers(0, 256, y.shape, np.uint8)
    if kind == 1:
        return rng.integers(100, 104, y.shape, np.uint8)
    if kind == 5:
        return np.full(y.shape, (0, 255, 1, 128, 254, 37)[turn % 6], np.uint8)
    if kind == 2:
        plane = np.exp(-((y - a) ** 2 + (x - b) ** 2) / (0.01 + 0.1 * c))
    elif kind == 3:
        plane = a * y + b * x + c * (1 - x)
    else:
        distance = np.abs((y - a) * np.cos(6 * d) + (x - b) * np.sin(6 * d))
        plane = np.clip(1.5 - 20 * distance, 0, 1)
    scaled: Images = (255 * plane / max(float(plane.max()), 1e-9)).astype(np.uint8)
    return 255 - scaled if turn % 2 else scaled
