"""Glyphs as the model gets them: drawn on a sheet, prepared as the server prepares an upload. Ink light on black."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.evaluation import FITTED, SERVED, Pixels, prepare
from train.strokes import draw_pen

Glyph = NDArray[np.uint8]  # (H, W), ink 255 on 0
SIDE = 28
LARGE = 84  # pixels: MNIST's digits three times as large, for another pen
WHOLE = 0.25  # of all glyphs fill their picture, as where somebody cut them out and they are not trimmed


def prepare_glyph(glyph: Glyph, draws: np.random.Generator) -> Pixels:
    """The glyph anywhere on a black sheet, then (28, 28, 1) uint8 with ink of 255: thin pens come out as fine lines."""
    left, top, width, height = cv2.boundingRect((glyph > 20).astype(np.uint8))
    glyph = glyph[top : top + height, left : left + width] if width else glyph
    whole = draws.random() < WHOLE
    share = draws.uniform(0.85, 1) if whole else draws.uniform(0.15, 0.9)
    side = round(max(glyph.shape) / share)
    sheet = np.zeros((side, side, 1), np.uint8)
    top, left = (int(draws.integers(0, side - length + 1)) for length in glyph.shape)
    sheet[top : top + glyph.shape[0], left : left + glyph.shape[1], 0] = glyph
    prepared = prepare(sheet, FITTED if whole else SERVED)
    inked: Pixels = cv2.convertScaleAbs(prepared, alpha=255 / max(1, int(prepared.max()))).reshape(SIDE, SIDE, 1)
    return inked


def enlarge(image: Glyph) -> Glyph:
    """One of MNIST's digits (28, 28) three times as large."""
    return cv2.resize(image, (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)  # type: ignore[no-any-return]


def redraw(glyph: Glyph, draws: np.random.Generator) -> Glyph:
    """Every second glyph with another pen: its middle line drawn anew."""
    lines = thin(glyph > 127)
    if draws.random() < 0.5 or not lines.any():
        return glyph
    height = int(np.ptp(np.flatnonzero(lines.any(axis=1))))
    wide = max(1, round(draw_pen(draws) * height))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    padded = np.pad(lines.astype(np.uint8) * 255, wide)
    return cv2.GaussianBlur(cv2.dilate(padded, pen), (0, 0), 0.8)  # type: ignore[no-any-return]


def thin(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle lines of strokes."""
    from skimage.morphology import skeletonize

    return skeletonize(ink)  # type: ignore[no-any-return]


def warp(glyph: Glyph, draws: np.random.Generator) -> Glyph:
    """The glyph a little turned, slanted, narrower or wider."""
    angle, slant, wide = draws.uniform(-0.15, 0.15), draws.uniform(-0.2, 0.2), draws.uniform(0.75, 1.2)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[wide, slant], [0, 1]])
    height, width = glyph.shape
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height]])
    low, size = corners.min(axis=1), np.ptp(corners, axis=1)
    shape = int(size[0]) + 2, int(size[1]) + 2
    return cv2.warpAffine(glyph, np.column_stack([matrix, -low]), shape, flags=cv2.INTER_LINEAR)  # type: ignore[no-any-return]
