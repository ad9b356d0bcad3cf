"""Digits drawn on the page's own pad with the mouse of a real Chromium: middle lines of held-out fonts as strokes."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from train.fonts import Font, draw_glyph
from train.sheets import thin
from train.strangers.sheets import Draws, Upload

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)  # of the pad's side, for the digit's longer one
FONTS_EACH = 3  # fonts that each digit is drawn in, in each size
EDGE = 0.04  # of the pad's side, that the pen's middle keeps away
GLYPH_HEIGHT = 60  # pixels, of which a stroke has a point every third
STEP = 3
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
Stroke = list[tuple[float, float]]  # (x, y), 0 to 1 of the pad


class PadError(Exception):
    """One sentence: why nothing can be drawn on the pad."""


def draw_on_pad(fonts: list[Font], draws: Draws) -> tuple[list[Upload], NDArray[np.uint8]]:
    """Each digit in each size, of FONTS_EACH fonts in turn, anywhere on the pad: what the page uploads, and the labels.

    Raises:
        PadError: There is no Chromium, no Playwright, or the server does not start.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise PadError("no Chromium is installed")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise PadError("playwright is not installed; install the project with its test extra") from None
    pairs = list(product(range(10), SHARES)) * FONTS_EACH
    chosen = [(fonts[number % len(fonts)].faces[0], digit, share) for number, (digit, share) in enumerate(pairs)]
    uploads = []
    with _serve() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{url}/mnist/classify")
        pad = page.locator("#pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None
        for face, digit, share in tqdm(chosen, desc="pad", unit="drawing"):
            for stroke in place(trace(draw_glyph(str(digit), face, GLYPH_HEIGHT)), share, draws):
                points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
                page.mouse.move(*points[0])
                page.mouse.down()
                for point in points[1:]:
                    page.mouse.move(*point)
                page.mouse.up()
            file = base64.b64decode(pad.evaluate("pad => pad.toDataURL('image/png')").partition(",")[2])
            uploads.append(cv2.cvtColor(cv2.imdecode(np.frombuffer(file, np.uint8), 1), cv2.COLOR_BGR2RGB))
            pad.press("Delete")
        browser.close()
    return uploads, np.array([digit for _, digit, _ in chosen], np.uint8)


def trace(glyph: Upload) -> list[Stroke]:
    """The middle lines of a glyph (H, W) as strokes in pixels: each goes on as straight as it can."""
    padded = cv2.copyMakeBorder(glyph, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    left = {(int(x), int(y)) for y, x in np.argwhere(thin(padded > 127))}
    whole = set(left)
    strokes: list[Stroke] = []
    while left:
        start = min(left, key=lambda pixel: (len(_near(pixel, whole)) != 1, pixel[1], pixel[0]))  # an end, if any
        stroke, way = [start], (0, 0)
        left.discard(start)
        while near := _near(stroke[-1], left):
            x, y = stroke[-1]
            last = max(near, key=lambda pixel: (pixel[0] - x) * way[0] + (pixel[1] - y) * way[1])
            way = (last[0] - stroke[max(0, len(stroke) - 4)][0], last[1] - stroke[max(0, len(stroke) - 4)][1])
            stroke.append(last)
            left.discard(last)
        joined = [(pixel, stroke[end]) for end in (0, -1) for pixel in _near(stroke[end], whole - set(stroke[-3:]))]
        for pixel, end in joined[:2]:
            stroke = [pixel, *stroke] if end == stroke[0] else [*stroke, pixel]
        if len(stroke) > 3 or not strokes:
            strokes.append([(float(x), float(y)) for x, y in [*stroke[::STEP], stroke[-1]]])
    return strokes


def place(strokes: list[Stroke], share: float, draws: Draws) -> list[Stroke]:
    """Strokes as parts of the pad's side: their longer side that share of it, anywhere."""
    points = np.array([point for stroke in strokes for point in stroke])
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    factor = share * (1 - 2 * EDGE) / max(size.max(), 1)
    corner = draws.uniform(EDGE, np.maximum(1 - EDGE - size * factor, EDGE + 1e-9))
    return [[tuple((np.array(point) - low) * factor + corner) for point in stroke] for stroke in strokes]


def _near(pixel: tuple[int, int], pixels: set[tuple[int, int]]) -> list[tuple[int, int]]:
    x, y = pixel
    around = [(x + right, y + down) for down in (-1, 0, 1) for right in (-1, 0, 1) if right or down]
    return [each for each in around if each in pixels]


@contextmanager
def _serve() -> Iterator[str]:
    """The address of a server of the repository's own model."""
    command = [sys.executable, "-m", "service", "--port", "0"]
    environment = {**os.environ, "SERVICE_DEVICE": "cpu"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            assert server.stderr is not None
            found = next(filter(None, (re.search(r"running on (http://\S+)", line) for line in server.stderr)), None)
            if found is None:
                raise PadError("the server does not start: try python -m service")
            yield found[1]
        finally:
            server.terminate()
