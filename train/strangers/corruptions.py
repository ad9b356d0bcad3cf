"""Fifteen corruptions of MNIST, with the parameters of MNIST-C.

Mu and Gilmer, "MNIST-C: A Robustness Benchmark for Computer Vision" (2019), arXiv 1906.02337.

Each takes images (N, 28, 28) float64, ink 1 on 0, and random draws, and gives such images; what leaves 0 to 1 is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float64]  # (N, 28, 28)
Draws = np.random.Generator
SIDE = 28
CENTRE = (SIDE - 1) / 2
FOG_MAP = 256  # pixels: fog is cut from larger maps, as many pieces as fit


def corrupt(images: NDArray[np.uint8], seed: int = 0) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and pictures (N, 28, 28, 1) uint8 of each corruption of `images`, of the same shape."""
    for number, (name, change) in enumerate((TRAINABLE | UNSEEN).items()):
        changed = change(images[..., 0] / 255, np.random.default_rng([seed, number]))
        yield name, (changed.clip(0, 1) * 255).astype(np.uint8)[..., None]


def shot_noise(images: Images, draws: Draws) -> Images:
    """Too little light: 3 photons for white."""
    return draws.poisson(images * 3) / 3


def impulse_noise(images: Images, draws: Draws) -> Images:
    """17 % of the pixels black or white."""
    fate = draws.random(images.shape)
    return np.where(fate < 0.085, 0.0, np.where(fate < 0.17, 1.0, images))


def motion_blur(images: Images, draws: Draws) -> Images:
    """Drawn out to one side, a half Gaussian of deviation 3 up to 20 pixels, in a direction within 45 degrees."""
    weights = np.exp(-(np.arange(21) ** 2) / 18)
    changed = np.empty_like(images)
    for index, angle in enumerate(np.radians(draws.uniform(-45, 45, len(images)))):
        kernel = np.zeros((41, 41))
        for step, weight in enumerate(weights / weights.sum()):
            kernel[20 + round(step * math.sin(angle)), 20 + round(step * math.cos(angle))] += weight
        changed[index] = cv2.filter2D(images[index], -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return changed


def shear(images: Images, draws: Draws) -> Images:
    """By 0.4 radians to either side."""
    return _map(images, [[[1, -math.sin(c)], [0, math.cos(c)]] for c in 0.4 * _sign(draws, len(images))])


def scale(images: Images, draws: Draws) -> Images:
    """To 0.7 of the size."""
    return _map(images, [[[1 / 0.7, 0], [0, 1 / 0.7]]] * len(images))


def rotate(images: Images, draws: Draws) -> Images:
    """By 0.4 radians to either side."""
    turns = 0.4 * _sign(draws, len(images))
    return _map(images, [[[math.cos(c), -math.sin(c)], [math.sin(c), math.cos(c)]] for c in turns])


def brightness(images: Images, draws: Draws) -> Images:
    """All lighter by a half."""
    return images + 0.5


def translate(images: Images, draws: Draws) -> Images:
    """By 3 pixels along both axes."""
    changed = np.zeros_like(images)
    for index, (right, down) in enumerate((3 * _sign(draws, 2 * len(images))).astype(int).reshape(-1, 2)):
        matrix = np.array([[1, 0, right], [0, 1, down]], np.float64)
        changed[index] = cv2.warpAffine(images[index], matrix, (SIDE, SIDE))
    return changed


def stripe(images: Images, draws: Draws) -> Images:
    """The outer quarters inverted."""
    changed = images.copy()
    changed[:, :, :7] = 1 - changed[:, :, :7]
    changed[:, :, 21:] = 1 - changed[:, :, 21:]
    return changed


def dotted_line(images: Images, draws: Draws) -> Images:
    """A line from the left to the right edge, every other two columns."""
    ends = draws.integers(0, 27, (len(images), 2))
    dots = np.arange(SIDE) % 4 >= 2
    return images + np.stack([_line(0, start, 27, end) for start, end in ends]) * dots


def canny_edges(images: Images, draws: Draws) -> Images:
    """Edges only, by Canny's detector."""
    from skimage.feature import canny

    return np.stack([canny(image) for image in images]).astype(float)


def zigzag(images: Images, draws: Draws) -> Images:
    """A line of teeth, 2 pixels wide and high, from column 2 to 25."""
    changed = images.copy()
    for image in changed:
        start = draws.integers(0, 27)
        slope = draws.integers(-5, 5) / 23
        angle, length = math.atan(slope), 23 * math.hypot(1, slope)
        teeth = [(0.0, 0.0)]
        teeth += [(2.0 * (2 * tooth + 1), 2.0 * (-1) ** tooth) for tooth in range(int((length - 2) // 4) + 1)]
        teeth += [(length, 0.0)]
        cos, sin = math.cos(angle), math.sin(angle)
        points = [(2 + cos * x - sin * y, start + sin * x + cos * y) for x, y in teeth]
        for (x0, y0), (x1, y1) in pairwise(points):
            image += _line(x0, y0, x1, y1)
        image.clip(0, 1, image)
    return changed


def fog(images: Images, draws: Draws) -> Images:
    """Plasma of the diamond-square algorithm, three times as strong as the ink."""
    pieces = FOG_MAP // SIDE
    changed = np.empty_like(images)
    for first in range(0, len(images), pieces**2):
        plasma = 3 * _plasma(draws, 1.4)[: pieces * SIDE, : pieces * SIDE]
        cut = plasma.reshape(pieces, SIDE, pieces, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
        part = images[first : first + pieces**2]
        changed[first : first + pieces**2] = (part + cut[: len(part)]) / 4  # ink and plasma together are 4 at most
    return changed


def glass_blur(images: Images, draws: Draws) -> Images:
    """Blurred, pixels changed for neighbours, twice over, and blurred again: deviation 0.7."""
    changed, every = _blur(images, 0.7), np.arange(len(images))
    for row, column in [(row, column) for row in range(27, 1, -1) for column in range(27, 1, -1)] * 2:
        moved = every[draws.random(len(images)) < 0.5]
        up, left = draws.integers(-1, 1, (2, len(moved)))
        here, there = (moved, row, column), (moved, row + up, column + left)
        changed[here], changed[there] = changed[there], changed[here]
    return _blur(changed, 0.7)


def spatter(images: Images, draws: Draws) -> Images:
    """Mud: dark drops of a quarter of white."""
    liquid = _blur(draws.normal(0.65, 0.3, images.shape), 1)
    drops = _blur((liquid > 0.65).astype(float), 1.5)
    drops[drops < 0.8] = 0
    return images * (1 - drops) + 63 / 255 * drops


TRAINABLE: dict[str, Callable[[Images, Draws], Images]] = {
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "motion blur": motion_blur,
    "shear": shear,
    "scale": scale,
    "rotate": rotate,
    "brightness": brightness,
    "translate": translate,
    "stripe": stripe,
    "dotted line": dotted_line,
}  # noise, blur, bands and lines are trained on, too, in other strengths and forms
UNSEEN: dict[str, Callable[[Images, Draws], Images]] = {
    "canny edges": canny_edges,
    "zigzag": zigzag,
    "fog": fog,
    "glass blur": glass_blur,
    "spatter": spatter,
}  # nothing like them is trained on


def _sign(draws: Draws, count: int) -> NDArray[np.float64]:
    return draws.choice([-1.0, 1.0], count)


def _map(images: Images, matrices: list[list[list[float]]]) -> Images:
    """Each pixel read where its matrix, around the centre, sends it; bilinear, 0 outside."""
    changed = np.empty_like(images)
    for index, rows in enumerate(matrices):
        matrix = np.array(rows)
        whole = np.column_stack([matrix, CENTRE - matrix.sum(axis=1) * CENTRE])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        changed[index] = cv2.warpAffine(images[index], whole, (SIDE, SIDE), flags=flags)
    return changed


def _line(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float64]:
    """(28, 28): 1 on the line, falling as 1 + log(1 - d / 2.3) with the vertical distance d; its columns only."""
    drawn = np.zeros((SIDE, SIDE))
    if x0 == x1:
        return drawn
    first, last = max(0, math.floor(x0)), math.ceil(x1)
    columns = np.arange(first, min(last, SIDE))
    distance = np.abs(np.arange(SIDE)[:, None] - y0 - (y1 - y0) / (x1 - x0) * (columns - x0))
    drawn[:, columns] = (np.log(1 - np.minimum(distance, 2.299) / 2.3) + 1).clip(0, 1)
    return drawn


def _blur(images: Images, deviation: float) -> Images:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (0, deviation, deviation), mode="nearest")  # type: ignore[no-any-return]


def _plasma(draws: Draws, decay: float) -> NDArray[np.float64]:
    """A map (FOG_MAP, FOG_MAP), 0 to 1, periodic: means of four neighbours and a random part that falls by decay²."""
    plasma, step, rough = np.zeros((FOG_MAP, FOG_MAP)), FOG_MAP, 1.0
    while step > 1:
        half = step // 2
        corners = plasma[::step, ::step]
        rows = corners + np.roll(corners, -1, axis=0)
        squares = (rows + np.roll(rows, -1, axis=1)) / 4
        plasma[half::step, half::step] = middles = squares + rough * draws.uniform(-1, 1, corners.shape)
        beside = corners + np.roll(corners, -1, axis=1) + middles + np.roll(middles, 1, axis=0)
        plasma[::step, half::step] = beside / 4 + rough * draws.uniform(-1, 1, corners.shape)
        below = corners + np.roll(corners, -1, axis=0) + middles + np.roll(middles, 1, axis=1)
        plasma[half::step, ::step] = below / 4 + rough * draws.uniform(-1, 1, corners.shape)
        step, rough = half, rough / decay**2
    plasma -= plasma.min()
    whole: NDArray[np.float64] = plasma / plasma.max()
    return whole
