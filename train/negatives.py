"""Pictures of no digit, whose right answer is that all ten are as likely. Ink light on black, (28, 28, 1) uint8 each.

Letters and signs of the training fonts but those that look like a digit, scribbles, loops, hatching, shapes, rings
with something inside, noise, gradients, textures, pieces of photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from train.evaluation import Pixels, prepare
from train.fonts import Font, draw_glyph
from train.sheets import SIDE, Glyph, prepare_glyph, warp
from train.strokes import CANVAS, draw_pen, draw_strokes, smooth

LETTERS = "ACEFGHJKLMNPRTUVWXYacdefhkmnprtuvwxy"  # what is left out is a digit in some hand
SIGNS = "#&@%?!*+=$€§<>{}~^[]/:;\"'_-"
Draws = np.random.Generator


def draw_negatives(count: int, fonts: list[Font], draws: Draws) -> Pixels:
    """`count` pictures, of each kind about as many; letters and signs where there are fonts."""
    kinds: list[Callable[[Draws], Pixels]] = [scribble, scribble, loops, hatching, ring, shape, texture, photograph]
    if fonts:
        faces = [face for font in fonts for face in font.faces]

        def letter(draws: Draws) -> Pixels:
            text = str(draws.choice(list(LETTERS if draws.random() < 0.8 else SIGNS)))
            glyph = draw_glyph(text, faces[draws.integers(len(faces))], int(draws.integers(30, 100)))
            return prepare_glyph(warp(glyph, draws), draws)

        kinds += [letter] * 4
    return np.stack([kinds[draws.integers(len(kinds))](draws) for _ in range(count)])


def scribble(draws: Draws) -> Pixels:
    """A pen's way there and back."""
    strokes = [smooth(draws.uniform(0, 1, (draws.integers(4, 20), 2))) for _ in range(draws.integers(1, 4))]
    return prepare_glyph(draw_strokes(strokes, draw_pen(draws) / 2), draws)


def loops(draws: Draws) -> Pixels:
    """A pen that goes round and round: a spiral, or loops along a line, as who tries a pen draws them."""
    turns = np.linspace(0, 2 * np.pi * draws.uniform(2.5, 7), 200)
    reach = np.linspace(draws.uniform(0, 0.5), 1, 200)[:, None]
    drift = np.linspace(0, 1, 200)[:, None] * draws.uniform(-5, 5, 2) * (draws.random() < 0.6)
    round_and_round = np.column_stack([np.cos(turns * draws.uniform(0.9, 1.1)) * draws.uniform(0.6, 1), np.sin(turns)])
    return prepare_glyph(draw_strokes([reach * round_and_round + drift], draw_pen(draws) / 5), draws)  # or a 0


def hatching(draws: Draws) -> Pixels:
    """A pen that goes to and fro, in corners or in waves."""
    count = int(draws.integers(6, 15))
    along = np.arange(count) / count * draws.uniform(0.5, 2)
    across = np.arange(count) % 2 * draws.uniform(0.3, 1.2)
    points = np.column_stack([along, across]) + draws.normal(0, 0.06, (count, 2))
    angle = draws.uniform(0, np.pi)
    points @= np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    stroke = points if draws.random() < 0.5 else smooth(points)
    return prepare_glyph(draw_strokes([stroke], draw_pen(draws) / 2), draws)


def ring(draws: Draws) -> Pixels:
    """A circle with marks inside, as clocks, wheels, faces and ringed letters have them."""
    turns = np.linspace(0, 2 * np.pi, 40)
    circle = np.column_stack([np.cos(turns) * draws.uniform(0.7, 1.2), np.sin(turns)])
    inside = []
    for _ in range(draws.integers(2, 5)):
        centre, size = draws.uniform(-0.5, 0.5, 2), draws.uniform(0.02, 0.45)
        mark = centre + draws.normal(0, size, (draws.integers(2, 5), 2))
        inside.append(smooth(np.clip(mark, -0.8, 0.8)))
    return prepare_glyph(draw_strokes([circle, *inside], draw_pen(draws) / 2), draws)


def shape(draws: Draws) -> Pixels:
    """A star, a polygon, arrows, a grid: straight lines that meet; full or empty."""
    count = int(draws.integers(3, 8))
    turns = np.arange(2 * count + 1) * np.pi / count + draws.uniform(0, np.pi)
    reach = np.where(np.arange(2 * count + 1) % 2, draws.uniform(0.2, 1), 1.0)[:, None]
    star = np.column_stack([np.cos(turns), np.sin(turns)]) * reach
    lines = [draws.uniform(-1, 1, (2, 2)) for _ in range(draws.integers(0, 5))]
    glyph = draw_strokes([star, *lines], draw_pen(draws) / 2)
    if draws.random() < 0.4:
        low, size = star.min(axis=0), np.ptp(star, axis=0).max()
        cv2.fillPoly(glyph, [np.rint((star - low) / size * CANVAS + 6).astype(np.int32)], 255)
    return prepare_glyph(glyph, draws)


def texture(draws: Draws) -> Pixels:
    """Nothing at all, noise of any grain, a gradient, stripes."""
    kind = draws.integers(5)
    if kind == 0:
        return np.full((SIDE, SIDE, 1), draws.integers(256), np.uint8)
    grid = np.mgrid[:SIDE, :SIDE] / SIDE
    if kind == 1:
        direction = draws.normal(0, 1, 2)
        levels = np.tensordot(direction, grid, 1)
    elif kind == 2:
        direction = draws.normal(0, 8, 2)
        levels = np.sin(np.tensordot(direction, grid, 1) * 2 + draws.uniform(0, 6))
    else:
        noise = draws.normal(0, 1, (SIDE, SIDE)) if draws.random() < 0.7 else draws.random((SIDE, SIDE)) < 0.1
        levels = cv2.GaussianBlur(noise.astype(float), (0, 0), draws.uniform(0.1, 4))
    return _stretch(levels, draws)


def photograph(draws: Draws) -> Pixels:
    """A piece of one of two photographs, from a face to a leaf in size."""
    pixels = load_photographs()[draws.integers(2)]
    side = int(draws.integers(40, 400))
    top, left = (int(draws.integers(length - side + 1)) for length in pixels.shape[:2])
    return prepare(np.ascontiguousarray(pixels[top : top + side, left : left + side]))


@cache
def load_photographs() -> tuple[Glyph, Glyph]:
    """Two of scikit-image's, (H, W, 3)."""
    from skimage import data

    return data.astronaut(), data.coffee()


def _stretch(levels: NDArray[np.float64], draws: Draws) -> Pixels:
    """Levels between two random greys, (28, 28, 1)."""
    levels = (levels - levels.min()) / max(float(np.ptp(levels)), 1e-9)
    low, high = draws.uniform(0, 255, 2)
    stretched: Pixels = (low + (high - low) * levels).astype(np.uint8)[..., None]
    return stretched
