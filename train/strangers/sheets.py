"""Digits on paper as strangers upload them: scans of sheets, photographs of paper, other fonts, other writers.

All give uploads, pixels (H, W, 1 or 3) uint8 of any size, dark on light unless they say otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.fonts import Font, draw_glyph

Upload = NDArray[np.uint8]  # (H, W, C)
Glyph = NDArray[np.uint8]  # (H, W), ink 255 on 0
Draws = np.random.Generator
SHARES = (0.15, 0.25, 0.4, 0.6, 0.75, 0.9)  # the digit's longer side, of the sheet's
PAPERS = ("plain", "shadow", "ruled", "squared")
JPEG_QUALITIES = (40, 90)


def cut(image: Glyph) -> Glyph:
    """The box of an image's ink."""
    left, top, width, height = cv2.boundingRect((image > 40).astype(np.uint8))
    return image[top : top + height, left : left + width]


def lay(glyph: Glyph, share: float, draws: Draws) -> Upload:
    """The glyph anywhere on a sheet of 100 to 600 pixels, its longer side a share of the sheet's; either polarity."""
    side = int(draws.integers(100, 601))
    ink = _place(glyph, share, side, draws)
    paper, pen = (
        (draws.uniform(180, 255), draws.uniform(0, 80)) if draws.random() < 0.5 else (20, draws.uniform(150, 255))
    )
    sheet = paper + (pen - paper) * ink + draws.normal(0, 2, ink.shape)
    return sheet.clip(0, 255).astype(np.uint8)[..., None]


def photograph(glyph: Glyph, paper: str, draws: Draws) -> Upload:
    """A glyph on a kind of paper of PAPERS, seen from the side, unevenly lit, blurred, as JPEG; (320, 240, 3)."""
    height, width = 320, 240
    side = 400
    ink = _place(glyph, draws.uniform(0.35, 0.7), side, draws, 0.15)
    white, pen = draws.uniform(190, 250, 3), draws.uniform(20, 90, 3)
    step = int(draws.integers(28, 60))
    lines = np.zeros((side, side))
    if paper in ("ruled", "squared"):
        lines[::step] = lines[1::step] = 1
    if paper == "squared":
        lines[:, ::step] = lines[:, 1::step] = 1
    grey = white * (1 - 0.3 * lines[..., None]) if lines.any() else np.broadcast_to(white, (side, side, 3))
    sheet = grey + (pen - grey) * ink[..., None]
    corners = np.array([[-40, -20], [side + 40, -20], [side + 40, side + 20], [-40, side + 20]]) * 0.75 - [30, 0]
    seen = (corners + draws.uniform(-25, 25, (4, 2))).astype(np.float32)
    source = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, seen)
    photo = cv2.warpPerspective(sheet, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[:height, :width] / height
    direction = draws.uniform(0, 2 * np.pi)
    along = np.cos(direction) * (x - 0.4) + np.sin(direction) * (y - 0.5)
    light = 1 - draws.uniform(0, 0.25) * (along + 0.5)
    if paper == "shadow":
        light *= 1 - draws.uniform(0.2, 0.5) / (1 + np.exp(-(along - draws.uniform(-0.2, 0.2)) * draws.uniform(10, 60)))
    photo = cv2.GaussianBlur(photo * light[..., None], (0, 0), draws.uniform(0.5, 1.2))
    photo += draws.normal(0, draws.uniform(1, 5), photo.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(draws.integers(*JPEG_QUALITIES))]
    _, file = cv2.imencode(".jpg", photo.clip(0, 255).astype(np.uint8), quality)
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def draw_fonts(fonts: list[Font], draws: Draws, copies: int) -> tuple[list[Glyph], NDArray[np.uint8]]:
    """Each digit of each face, `copies` times in other sizes, and the labels."""
    chosen = [(face, digit) for font in fonts for face in font.faces for digit in range(10)] * copies
    glyphs = [draw_glyph(str(digit), face, int(draws.integers(24, 160))) for face, digit in chosen]
    return glyphs, np.array([digit for _, digit in chosen], np.uint8)


def load_uci() -> tuple[list[Upload], NDArray[np.uint8]]:
    """The 1,797 digits of 43 other writers in scikit-learn, 8 x 8 pixels, enlarged to 160 x 160, and their labels.

    Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998), CC BY 4.0.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    uploads = [
        cv2.resize(255 - image * 255 / 16, (160, 160), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
        for image in digits.images
    ]
    return [upload[..., None] for upload in uploads], digits.target.astype(np.uint8)


def _place(glyph: Glyph, share: float, side: int, draws: Draws, edge: float = 0) -> NDArray[np.float64]:
    """Ink (side, side), 0 to 1, with the glyph anywhere, but not nearer to the edge than a share of the side."""
    factor = share * side / max(glyph.shape)
    height, width = (max(1, round(length * factor)) for length in glyph.shape)
    interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    scaled = cv2.resize(glyph, (width, height), interpolation=interpolation) / 255
    ink, free = np.zeros((side, side)), round(edge * side)
    top, left = (int(draws.integers(free, max(free, side - length - free) + 1)) for length in (height, width))
    ink[top : top + height, left : left + width] = scaled
    return ink
