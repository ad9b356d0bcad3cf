"""Digits of other hands as strokes of a pen: flagged and based 1, crossed 7, open and closed 4, looped 2 and so on.

A hand is a list of strokes, a stroke a list of points (x, y) in a unit square, y down; straight if it starts with "|".
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2)
CANVAS = 96  # pixels
TURN_RADIANS, SLANT, JITTER = 0.12, 0.2, 0.03  # largest turn; deviations of the slant and of each point
PENS = (0.012, 0.4)  # of the digit's height: a hair and a marker
# Digit, then its strokes.
HANDS = """
0  .5,0 .1,.25 .05,.6 .3,1 .7,.95 .95,.5 .8,.1 .5,0
0  .6,.05 .2,.1 .1,.5 .25,.95 .6,.95 .8,.5 .65,.1 .45,.0
1 |.5,0 .5,1
1 |.25,.25 .55,0 .55,1
1 |.05,.45 .6,0 .6,1
1 |.2,.2 .5,0 .5,1 / |.2,1 .8,1
1 |.3,.15 .5,0 .5,1 / |.25,1 .75,1
1 |.0,.55 .55,.0 .5,1
2  .05,.25 .3,.0 .75,.05 .8,.35 .45,.7 .05,1 / |.05,1 .9,1
2  .05,.2 .4,.0 .8,.2 .6,.55 .2,.9 .05,.95 .1,.75 .35,.8 .6,.98 .95,.9
2  .1,.3 .3,.02 .7,.05 .75,.35 .35,.75 .0,1 / |.0,1 .45,.97 .95,1
3  .1,.1 .5,.0 .85,.2 .7,.42 .4,.48 / .4,.48 .85,.55 .9,.8 .5,1 .05,.9
3 |.05,.02 .85,.02 .4,.4 / .4,.4 .85,.5 .85,.85 .45,1 .05,.88
4 |.7,1 .7,0 .02,.68 .98,.68
4 |.15,.0 .05,.55 .95,.55 / |.7,.2 .65,1
4 |.1,.02 .1,.5 .85,.5 / |.85,.0 .85,1
4 |.5,.0 .0,.62 .95,.6 / |.65,.3 .6,1
5 |.85,.02 .2,.02 .15,.42 / .15,.42 .55,.35 .9,.6 .75,.92 .4,1 .05,.9
5 |.2,.05 .15,.42 / .15,.42 .6,.38 .85,.65 .6,.98 .05,.92 / |.2,.05 .85,.0
6  .7,.0 .3,.25 .1,.65 .3,1 .7,.95 .85,.7 .6,.5 .25,.6 .12,.75
6  .5,.0 .15,.45 .1,.8 .4,1 .8,.85 .75,.6 .4,.52 .12,.75
7 |.05,.05 .9,.03 .4,1
7 |.05,.05 .9,.03 .45,1 / |.3,.5 .85,.48
7 |.05,.2 .08,.03 .92,.03 .35,1
7 |.05,.2 .08,.03 .92,.03 .4,1 / |.25,.52 .8,.5
7  .05,.1 .4,.02 .9,.05 .6,.45 .45,1
8  .8,.15 .45,.0 .15,.2 .45,.45 .85,.75 .5,1 .1,.8 .4,.5 .8,.25 .75,.1
8  .5,.0 .2,.22 .5,.45 .8,.22 .5,.0 / .5,.45 .1,.72 .5,1 .9,.72 .5,.45
9  .85,.2 .5,.0 .15,.2 .3,.48 .7,.42 .85,.15 / |.85,.15 .8,1
9  .85,.3 .75,.05 .35,.02 .15,.3 .4,.5 .8,.35 .85,.15 / .85,.15 .85,.6 .7,.95 .3,1
9  .8,.15 .45,.0 .15,.25 .4,.48 .8,.2 / |.8,.2 .6,1
"""


def draw_hands(count: int, draws: np.random.Generator) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
    """`count` digits, each as glyph (H, W) uint8 with ink 255 on 0, and their labels (count,)."""
    hands = [line.split(maxsplit=1) for line in HANDS.strip().splitlines()]
    chosen = [hands[index] for index in draws.integers(len(hands), size=count)]
    glyphs = [draw_strokes(place_strokes(read_strokes(strokes), draws), draw_pen(draws)) for _, strokes in chosen]
    return glyphs, np.array([int(digit) for digit, _ in chosen], np.uint8)


def draw_pen(draws: np.random.Generator) -> float:
    """A pen's width as a share of the height: as many thin ones as thick ones."""
    return float(np.exp(draws.uniform(*np.log(PENS))))


def read_strokes(text: str) -> list[Points]:
    """The strokes of a hand, smooth ones with many points."""
    strokes = []
    for stroke in text.split(" / "):
        points = np.array([[float(each) for each in pair.split(",")] for pair in stroke.strip(" |").split()])
        strokes.append(points if stroke.strip().startswith("|") else smooth(points))
    return strokes


def smooth(points: Points, between: int = 8) -> Points:
    """A Catmull-Rom curve through the points."""
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, between, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(around, around[1:], around[2:], around[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*parts, points[-1:]])


def place_strokes(strokes: list[Points], draws: np.random.Generator) -> list[Points]:
    """The same digit as another person writes it: narrower or wider, turned, slanted, with an unsteady hand."""
    angle, slant = draws.uniform(-TURN_RADIANS, TURN_RADIANS), draws.normal(0, SLANT)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, sin], [-sin, cos]]) @ np.array([[draws.uniform(0.4, 0.85), 0], [-slant, 1]])
    bend = draws.normal(0, JITTER, (2, 2))

    def move(stroke: Points) -> Points:
        wave = np.sin(2 * np.pi * (stroke @ np.ones((2, 2)) * draws.uniform(0.5, 1.2) + draws.uniform(0, 1, 2)))
        moved: Points = (stroke + wave @ bend + draws.normal(0, JITTER / 2, 2)) @ matrix.T
        return moved

    return [move(stroke) for stroke in strokes]


def draw_strokes(strokes: list[Points], pen: float) -> NDArray[np.uint8]:
    """Strokes as glyph (H, W) uint8, ink 255 on 0, CANVAS pixels high; `pen` is its width as a share of that."""
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    edge = 4 + pen * CANVAS / 2
    width, height = (np.ptp(points, axis=0) / size * CANVAS + 2 * edge).astype(int) + 1
    glyph = np.zeros((height, width), np.uint8)
    fixed = [np.rint(((stroke - low) / size * CANVAS + edge) * 16).astype(np.int32) for stroke in strokes]
    cv2.polylines(glyph, fixed, False, 255, max(1, round(pen * CANVAS)), cv2.LINE_AA, 4)
    return glyph
