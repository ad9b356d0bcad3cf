"""Pixels of any size and kind to the one size and kind that a model takes.

    pixels (H, W, 1, 3 or 4) uint8 → background under transparency → scaled, padded → grey or RGB → (h, w, c) uint8

Nothing here knows what the picture shows.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
GREY, RGB = 1, 3  # channels
# Up to this many pixels a Lanczos filter costs little; it keeps thin strokes sharper than averaging does.
MAX_LANCZOS_PIXELS = 128 * 128
ROWS = 16  # that are laid on the background at a time, so that they stay in the cache and memory does not double


class Target(NamedTuple):
    """What a model takes, as preprocessing needs to know it."""

    height: int  # pixels
    width: int  # pixels
    channels: int  # GREY or RGB
    background: tuple[int, int, int]  # red, green, blue; under transparent pixels


def fit(pixels: Pixels, target: Target) -> Pixels:
    """Pixels (height, width, channels) uint8 of `pixels` (H, W, 1, 3 or 4) uint8.

    Transparent pixels show the background. Colour becomes grey by ITU-R 601-2 luma. An image of another size is scaled
    to fit inside, proportions kept, and centred. What it leaves free is filled with the median of its own border, so
    that paper goes on as paper whatever its colour.
    """
    height, width, channels, background = target
    if pixels.shape == (height, width, channels):
        return pixels
    if pixels.shape[2] == 4:
        pixels = _lay_on(pixels, background)
    if pixels.shape[:2] != (height, width):
        pixels = _contain(pixels, height, width)
    if pixels.shape[2] == channels:
        return pixels
    code = cv2.COLOR_RGB2GRAY if channels == GREY else cv2.COLOR_GRAY2RGB
    converted: Pixels = cv2.cvtColor(pixels, code)
    return converted.reshape(height, width, channels)


def _lay_on(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """Pixels (H, W, 3) of RGB and alpha (H, W, 4), each sample rounded once."""
    opaque: Pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    transparency = np.arange(255, -1, -1, dtype=np.uint16)[:, np.newaxis]  # of each alpha
    shares = (transparency * np.array(background, np.uint16) + 128).reshape(1, 256, 3)  # the background's, by alpha
    for start in range(0, len(pixels), ROWS):
        rows = opaque[start : start + ROWS]
        alpha = cv2.cvtColor(cv2.extractChannel(pixels[start : start + ROWS], 3), cv2.COLOR_GRAY2RGB)
        weighted = cv2.multiply(rows, alpha, dtype=cv2.CV_16U) + cv2.LUT(alpha, shares)
        rows[...] = (weighted + (weighted >> 8)) >> 8  # divided by 255, to the nearest
    return opaque


def _contain(pixels: Pixels, height: int, width: int) -> Pixels:
    """Scale (H, W, C) to fit inside height x width, keep the proportions, and pad with the border's colour."""
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    fitted_height, fitted_width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    scaled = resize(pixels, fitted_height, fitted_width)
    if scaled.shape[:2] == (height, width):
        return scaled
    padded = np.empty((height, width, pixels.shape[2]), np.uint8)
    padded[...] = _border_colour(pixels)
    top, left = (height - fitted_height) // 2, (width - fitted_width) // 2
    padded[top : top + fitted_height, left : left + fitted_width] = scaled
    return padded


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Pixels (height, width, C) of (H, W, C), without aliasing.

    Shrunk by averaging (OpenCV's INTER_AREA); for a small result only to twice its size, and then by a Lanczos filter.
    """
    if 4 * height * width > MAX_LANCZOS_PIXELS:
        interpolation = cv2.INTER_AREA if height <= pixels.shape[0] else cv2.INTER_CUBIC
        scaled: Pixels = cv2.resize(pixels, (width, height), interpolation=interpolation)
        return scaled.reshape(height, width, -1)
    twice = min(pixels.shape[1], 2 * width), min(pixels.shape[0], 2 * height)
    nearer = Image.fromarray(cv2.resize(pixels, twice, interpolation=cv2.INTER_AREA))  # OpenCV drops a C of 1
    return np.asarray(nearer.resize((width, height), Image.Resampling.LANCZOS)).reshape(height, width, -1)


def _border_colour(pixels: Pixels) -> Pixels:
    """Median of the outermost pixels, for each channel."""
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    median: Pixels = np.median(np.concatenate(sides), axis=0).astype(np.uint8)
    return median
