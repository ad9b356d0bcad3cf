"""Pixels of any size and kind to the one size and kind that a model takes.

    pixels (H, W, 1, 3 or 4) uint8 → background under transparency → placed → grey, RGB or RGBA → (h, w, c) uint8

Nothing here knows what the picture shows.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from service.images.placing import Place, choose_place, contain, crop_of
from service.images.trimming import Box, Trimming, trim_with

Pixels = NDArray[np.uint8]
GREY, RGB, RGBA = 1, 3, 4  # channels
CONVERSIONS = {
    (RGB, GREY): cv2.COLOR_RGB2GRAY,
    (GREY, RGB): cv2.COLOR_GRAY2RGB,
    (GREY, RGBA): cv2.COLOR_GRAY2RGBA,  # opaque
    (RGB, RGBA): cv2.COLOR_RGB2RGBA,
}
ROWS = 16  # that are laid on the background at a time, so that they stay in the cache and memory does not double


class Target(NamedTuple):
    """What a model takes, as preprocessing needs to know it."""

    height: int  # pixels; 0 where every picture is placed, whatever its size
    width: int  # pixels; 0 as above
    channels: int  # GREY, RGB or RGBA
    background: tuple[int, int, int]  # red, green, blue; under transparent pixels
    place: Place = contain  # a picture of another size

    @classmethod
    def plan(
        cls,
        size: tuple[int, int],
        channels: int,
        background: tuple[int, int, int],
        resize: str,
        filter_: str | None,
        shorter_side: int | None = None,
        margin: float | None = None,
    ) -> Target:
        """What a model of that height and width takes (0, 0: a picture's own size), by the words of its description.

        `resize` is fit, trim, stretch or crop; `filter_` a name of scaling.FILTERS, None for the service's own; of what
        is cropped, the shorter side first gets a length in pixels, None for as little as covers the size; `margin` is
        the share of the size that stays free at each side around what is trimmed, None for nothing.
        """
        if resize == "crop" and shorter_side is not None and size[0]:
            place = crop_of(*size, shorter_side, filter_)
            return cls(0, 0, channels, background, place)  # what has the size already is enlarged and cropped, too
        if resize == "trim" and size[0]:
            return cls(*size, channels, background, trim_with(margin or 0.0, filter_))
        return cls(*size, channels, background, choose_place(resize if size[0] else "keep", filter_))


def find_region(pixels: Pixels, target: Target) -> Box | None:
    """The part of pixels (H, W, 1, 3 or 4) uint8 that `fit` takes the subject to be; None for all of it."""
    if not isinstance(target.place, Trimming) or pixels.shape[:2] == (target.height, target.width):
        return None
    if pixels.shape[2] == RGBA != target.channels:
        pixels = _lay_on(pixels, target.background)
    return target.place.find(pixels)


def fit(pixels: Pixels, target: Target) -> Pixels:
    """Pixels (height, width, channels) uint8 of `pixels` (H, W, 1, 3 or 4) uint8.

    Transparent pixels show the background, but in a model that takes alpha. Colour becomes grey by ITU-R 601-2 luma.
    """
    height, width, channels, background, place = target
    if pixels.shape == (height, width, channels):
        return pixels
    if pixels.shape[2] == RGBA != channels:
        pixels = _lay_on(pixels, background)
    if pixels.shape[:2] != (height, width):
        pixels = place(pixels, height, width)
    if pixels.shape[2] == channels:
        return pixels
    converted: Pixels = cv2.cvtColor(pixels, CONVERSIONS[pixels.shape[2], channels])
    return converted.reshape(*pixels.shape[:2], channels)


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
