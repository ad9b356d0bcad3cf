"""Uploads that are no digit: letters, smileys and scribbles made otherwise than in training, nothing, photographs."""

from __future__ import annotations

import cv2
import numpy as np

from train.fonts import Font, draw_glyph
from train.strangers.sheets import Draws, Upload, lay

LETTERS = "ABCDEFGHJKMNPQRTUVWXYabcdefghkmnpqrtuvwxy"  # without O, I, l, Z, S and their like


def draw_others(fonts: list[Font], draws: Draws, count: int) -> dict[str, list[Upload]]:
    """About `count` uploads of each kind; letters where there are fonts."""
    kinds = {
        "smileys": [lay(smile(draws), draws.uniform(0.2, 0.9), draws) for _ in range(count)],
        "scribbles": [lay(scribble(draws), draws.uniform(0.2, 0.9), draws) for _ in range(count)],
        "blank and noise": [noise(draws) for _ in range(count)],
        "photographs": photographs(draws, count),
    }
    if fonts:
        faces = [font.faces[0] for font in fonts]
        letters = [draw_glyph(letter, face, 90) for face in faces for letter in LETTERS]
        kinds["letters"] = [lay(letter, draws.uniform(0.2, 0.9), draws) for letter in letters]
    return kinds


def smile(draws: Draws) -> Upload:
    """A round face with two eyes and a mouth, happy or not, outlined or full."""
    glyph, pen = np.zeros((200, 200), np.uint8), int(draws.integers(3, 14))
    full = draws.random() < 0.3
    cv2.circle(glyph, (100, 100), 88, 255, -1 if full else pen, cv2.LINE_AA)
    level = 0 if full else 255
    for x in (68, 132):
        cv2.circle(glyph, (x, int(draws.integers(65, 85))), int(draws.integers(5, 13)), level, -1, cv2.LINE_AA)
    start, middle = (20, 120) if draws.random() < 0.7 else (200, 150)
    cv2.ellipse(glyph, (100, middle), (45, 30), 0, start, start + 140, level, max(4, pen), cv2.LINE_AA)
    return glyph


def scribble(draws: Draws) -> Upload:
    """A walk whose direction drifts."""
    glyph, pen = np.zeros((320, 320), np.uint8), int(draws.integers(2, 10))
    turns = np.cumsum(draws.normal(draws.uniform(-0.3, 0.3), 0.6, int(draws.integers(60, 250))))
    steps = np.column_stack([np.cos(turns), np.sin(turns)]).cumsum(axis=0)
    steps = (steps - steps.min(axis=0)) / np.ptp(steps, axis=0).max() * 290 + 15
    cv2.polylines(glyph, [np.rint(steps * 16).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 4)
    return glyph


def noise(draws: Draws) -> Upload:
    """One grey, or uniform or normal noise around one, 20 to 300 pixels."""
    shape = (*draws.integers(20, 301, 2), 1)
    level, kind = draws.uniform(0, 255), draws.integers(3)
    grain = draws.uniform(-60, 60, shape) if kind == 1 else draws.normal(0, 30, shape) * (kind == 2)
    return (level + grain).clip(0, 255).astype(np.uint8)


def photographs(draws: Draws, count: int) -> list[Upload]:
    """Pieces of scikit-learn's and scikit-image's photographs but those two that are trained on."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    photos = [*load_sample_images().images, data.chelsea(), data.rocket(), data.camera()[..., None]]
    pieces = []
    for number in range(count):
        photo = photos[number % len(photos)]
        side = int(draws.integers(80, min(photo.shape[:2]) + 1))
        top, left = (int(draws.integers(length - side + 1)) for length in photo.shape[:2])
        pieces.append(np.ascontiguousarray(photo[top : top + side, left : left + side]))
    return pieces
