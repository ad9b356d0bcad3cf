"""Pixels of any size and kind to the one size and kind that a model takes.

    pixels (H, W, 1 to 4) uint8 → background under transparency → grey or RGB → scaled, padded → (h, w, c) uint8

Nothing here knows what the picture shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GREY, RGB = 1, 3
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
Colour = tuple[int, int, int]


def fit(pixels: NDArray[np.uint8], height: int, width: int, channels: int, background: Colour) -> NDArray[np.uint8]:
    """Pixels (height, width, channels) uint8 of `pixels` (H, W, 1 to 4) uint8.

    Transparent pixels show `background`. Colour becomes grey by ITU-R 601-2 luma. An image of another size is scaled
    to fit inside, centred, with an antialiasing Lanczos filter: a bilinear one blurs thin strokes. What it leaves free
    is filled with the median of its own border, so that paper goes on as paper whatever its colour.
    """
    if pixels.shape == (height, width, channels):
        return pixels
    mode = "L" if channels == GREY else "RGB"
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    assert image.mode == MODES[pixels.shape[2]]
    if image.mode in ("LA", "RGBA"):
        opaque = Image.new("RGB", image.size, background)
        opaque.paste(image.convert("RGB"), mask=image.getchannel("A"))
        image = opaque
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (width, height):
        image = _contain(image, height, width)
    return np.asarray(image).reshape(height, width, channels)


def _contain(image: Image.Image, height: int, width: int) -> Image.Image:
    """Scale to fit inside height x width, keep the proportions, and pad with the border's colour."""
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    scaled = image.resize(size, Image.Resampling.LANCZOS)
    if size == (width, height):
        return scaled
    padded = Image.new(image.mode, (width, height), _border_colour(image))
    padded.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return padded


def _border_colour(image: Image.Image) -> int | tuple[int, ...]:
    """Median of the outermost pixels, for each channel."""
    pixels = np.asarray(image)
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    median = np.median(np.concatenate(sides), axis=0)
    return int(median) if median.ndim == 0 else tuple(int(value) for value in median)
