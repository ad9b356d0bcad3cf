"""A picture's subject on plain ground: a glyph, a sign, a logo, a product. Finds its box; fits that with a margin.

The ground is the colour of the picture's border. Where it is not plain all the way round the subject (fog, a shadow's
edge, noise, ruled lines, a photograph) there is no box, and the picture is left as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from service.images.placing import Pixels, Place, border_colour, choose_place, take_border
from service.images.scaling import Scale, choose_scale

VIEW_SIDE = 192  # pixels at most of the view on which the subject is looked for
LEAST_CONTRAST = 16  # levels of 255 between ground and subject
LEAST_SHARE = 0.04  # of the shorter side, for the box's longer one: less is a speck
INK_SHARE = 0.25  # of the strongest difference, which at least belongs to the subject
MOST_TOUCHED = 1 / 12  # of the border, by a subject at the picture's edge: a shadow or a texture covers more
PLAIN_SHARE = 0.6  # of the threshold, that the ground's differences stay below …
MOST_UNEVEN = 0.02  # … but in this share of it
ENOUGH = 2  # pixels of the view for each pixel of the result: more sharpness than that comes to nothing


class Box(NamedTuple):
    """A rectangle of a picture, in pixels; `bottom` and `right` lie outside."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Trimming:
    """The place that fits the subject's box, proportions kept, and leaves a share of each side free around it.

    What the picture has around the box is shown there, and its ground beyond that. Without a box it is `contain`.
    """

    margin: float  # 0 to 0.4
    scale: Scale
    whole: Place  # for a picture without a box

    def __call__(self, pixels: Pixels, height: int, width: int) -> Pixels:
        """Pixels (height, width, C) of pixels (H, W, C)."""
        view, factor = look_at(pixels)
        ground = border_colour(view)
        box = find_subject(view, ground)
        if box is None:
            return self.whole(pixels, height, width)
        share = min(height / (box.bottom - box.top), width / (box.right - box.left)) * (1 - 2 * self.margin)
        if ENOUGH * share > 1:
            view, box, share = pixels, Box(*(factor * side for side in box)), share / factor
        rows, top, placed_height = _show(box.top, box.bottom, view.shape[0], share, height)
        columns, left, placed_width = _show(box.left, box.right, view.shape[1], share, width)
        scaled = self.scale(view[rows, columns], placed_height, placed_width)
        if scaled.shape[:2] == (height, width):
            return scaled
        placed = np.empty((height, width, pixels.shape[2]), np.uint8)
        placed[...] = ground
        placed[top : top + placed_height, left : left + placed_width] = scaled
        return placed

    def find(self, pixels: Pixels) -> Box | None:
        """The subject's box in pixels (H, W, C); None where the whole picture is placed."""
        view, factor = look_at(pixels)
        box = find_subject(view, border_colour(view))
        return None if box is None else Box(*(factor * side for side in box))


def trim_with(margin: float, filter_: str | None) -> Trimming:
    """The place for that margin and filter."""
    return Trimming(margin, choose_scale(filter_), choose_place("fit", filter_))


def look_at(pixels: Pixels) -> tuple[Pixels, int]:
    """A smaller view (h, w, C) of pixels (H, W, C), and how much smaller: by a power of two, as halving is quick."""
    view, factor = pixels, 1
    while max(view.shape[:2]) > VIEW_SIDE and min(view.shape[:2]) > 1:
        height, width = view.shape[0] // 2, view.shape[1] // 2
        view = cv2.resize(view[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        factor *= 2
    return view.reshape(*view.shape[:2], -1), factor  # OpenCV drops a C of 1


def find_subject(view: Pixels, ground: NDArray[np.uint8]) -> Box | None:
    """The box of what differs from the ground (C,) uint8 in a view (H, W, C); None on ground that is not plain.

    Otsu's threshold of the differences from the ground (IEEE Trans. SMC 9, 1979, 62-66) parts the two.
    """
    difference = _differ(view, ground)
    otsu, _ = cv2.threshold(difference, 0, 255, cv2.THRESH_OTSU)
    strongest = int(difference.max())
    threshold = max(otsu, INK_SHARE * strongest)
    subject = (difference > threshold).view(np.uint8)
    left, top, width, height = cv2.boundingRect(subject)
    box = Box(top, left, top + height, left + width)
    is_speck = max(width, height) < LEAST_SHARE * min(view.shape[:2])
    goes_across = height == view.shape[0] or width == view.shape[1]
    if strongest < LEAST_CONTRAST or is_speck or goes_across or take_border(subject).mean() > MOST_TOUCHED:
        return None
    uneven = difference >= PLAIN_SHARE * threshold
    uneven[max(0, top - 1) : box.bottom + 1, max(0, left - 1) : box.right + 1] = False  # its edge is soft
    return box if np.count_nonzero(uneven) <= MOST_UNEVEN * (uneven.size - width * height) else None


def _differ(view: Pixels, ground: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far each pixel is from the ground, (H, W) uint8: the farthest of its channels."""
    distances = np.abs(np.arange(256)[:, np.newaxis] - ground.astype(int)).astype(np.uint8)
    channels = cv2.split(cv2.LUT(view, distances.reshape(1, 256, -1)))
    farthest: Pixels = reduce(cv2.max, channels).reshape(view.shape[:2])
    return farthest


def _show(start: int, end: int, side: int, share: float, target: int) -> tuple[slice, int, int]:
    """Along one axis, with the box in the middle: what is shown of the picture, where that starts, how long it is."""
    middle, reach = (start + end) / 2, target / share / 2
    first, last = max(0, round(middle - reach)), min(side, round(middle + reach))
    offset = min(target - 1, max(0, round((first - middle + reach) * share)))
    return slice(first, max(first + 1, last)), offset, max(1, min(target - offset, round((last - first) * share)))
