"""A picture's pixels to a model's size: fitted inside and padded, stretched, cropped, or left as they are.

A place takes pixels (H, W, C) uint8, a height and a width, and gives pixels (height, width, C).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from service.images.scaling import Scale, choose_scale, resize

Pixels = NDArray[np.uint8]
Place = Callable[[Pixels, int, int], Pixels]
MAX_OWN_SIDE = 1024  # pixels; a picture that keeps its own size is scaled down to that
MOST_LONGER = 32  # times what is seen is scaled, and cropped then: all of a line would not fit into the memory
MANY = 1 << 16  # pixels of a side: of more, only some are looked at for the border's colour


def contain(pixels: Pixels, height: int, width: int, scale: Scale = resize) -> Pixels:
    """Scaled to fit inside, proportions kept, and centred.

    What it leaves free is filled with the median of its own border, so that paper goes on as paper whatever its colour.
    """
    share = min(height / pixels.shape[0], width / pixels.shape[1])
    fitted_height, fitted_width = (max(1, round(side * share)) for side in pixels.shape[:2])
    scaled = scale(pixels, fitted_height, fitted_width)
    if scaled.shape[:2] == (height, width):
        return scaled
    padded = np.empty((height, width, pixels.shape[2]), np.uint8)
    padded[...] = border_colour(pixels)
    top, left = (height - fitted_height) // 2, (width - fitted_width) // 2
    padded[top : top + fitted_height, left : left + fitted_width] = scaled
    return padded


def crop(pixels: Pixels, height: int, width: int, scale: Scale = resize) -> Pixels:
    """Scaled to cover the size and no more, and the centre taken; the side that is too long is rounded down."""
    pixels = _cut_ends(pixels, height, width, max(height / pixels.shape[0], width / pixels.shape[1]))
    own_height, own_width = pixels.shape[:2]
    if height * own_width >= width * own_height:
        covering = height, max(width, own_width * height // own_height)
    else:
        covering = max(height, own_height * width // own_width), width
    return _take_centre(scale(pixels, *covering), height, width)


def crop_of(height: int, width: int, shorter: int, filter_: str | None) -> Place:
    """The place that scales the shorter side to a length, no less than the size, and takes the centre of that size."""
    scale = choose_scale(filter_)

    def place(pixels: Pixels, _height: int, _width: int) -> Pixels:
        pixels = _cut_ends(pixels, height, width, shorter / min(pixels.shape[:2]))
        own_height, own_width = pixels.shape[:2]
        if own_height <= own_width:
            scaled = scale(pixels, shorter, own_width * shorter // own_height)
        else:
            scaled = scale(pixels, own_height * shorter // own_width, shorter)
        return _take_centre(scaled, height, width)

    return place


def keep(pixels: Pixels, height: int, width: int, scale: Scale = resize) -> Pixels:
    """As they are, whatever the size asked for; only what is larger than MAX_OWN_SIDE is scaled down."""
    longest = max(pixels.shape[:2])
    if longest <= MAX_OWN_SIDE:
        return pixels
    own_height, own_width = (max(1, side * MAX_OWN_SIDE // longest) for side in pixels.shape[:2])
    return scale(pixels, own_height, own_width)


def choose_place(resize_: str, filter_: str | None) -> Place:
    """The place of that name, fit, stretch, crop or keep, with a filter of scaling.FILTERS, None for the service's."""
    scale = choose_scale(filter_)
    places = {"fit": contain, "crop": crop, "keep": keep}
    return partial(places[resize_], scale=scale) if resize_ in places else scale


def _cut_ends(pixels: Pixels, height: int, width: int, factor: float) -> Pixels:
    """The middle of a picture that is much longer than what is seen of it at that size, `factor` times as large."""
    rows, columns = (MOST_LONGER * max(1, int(side / factor)) for side in (height, width))
    top, left = max(0, (pixels.shape[0] - rows) // 2), max(0, (pixels.shape[1] - columns) // 2)
    return pixels[top : top + rows, left : left + columns]


def _take_centre(pixels: Pixels, height: int, width: int) -> Pixels:
    # Half a pixel is rounded to the even one, as torchvision does.
    top, left = round((pixels.shape[0] - height) / 2), round((pixels.shape[1] - width) / 2)
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def take_border(pixels: Pixels) -> Pixels:
    """The outermost pixels of (H, W) or (H, W, C), in a row."""
    return np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))


def border_colour(pixels: Pixels) -> Pixels:
    """Median of the outermost pixels, for each channel, (C,) uint8; where they are very many, of one in so many."""
    down, right = (1 + side // MANY for side in pixels.shape[:2])
    sides = take_border(pixels[::down, ::right])
    middle = (len(sides) - 1) // 2, len(sides) // 2  # np.median, rounded down, takes 20 µs more
    low, high = np.partition(sides, middle, axis=0)[middle, :].astype(np.uint16)
    median: Pixels = ((low + high) // 2).astype(np.uint8)
    return median
