"""Ink, paper and light: the parts that the painters of people.py put together.

Values are floats 0..1 until `paint` makes a picture of them. All noise is seeded.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Digit = NDArray[np.uint8]  # (28, 28), ink 255 on 0
Plane = NDArray[np.float64]  # (height, width), 0..1
Colour = tuple[float, float, float]


def trace(
    digit: Digit,
    size: tuple[int, int],
    height: int,
    at: tuple[float, float] = (0.5, 0.5),
    weight: float = 0.0,
    angle: float = 0.0,
) -> Plane:
    """The stroke as a smooth shape, 1 where there is ink, on a sheet of size (width, height).

    The digit is `height` pixels tall with its centre `at` this share of the sheet, `weight` thickens (to 0.3) or thins
    (to -0.3) the stroke, `angle` turns it counter-clockwise in degrees.
    """
    rows, columns = np.flatnonzero(digit.max(axis=1) > 60), np.flatnonzero(digit.max(axis=0) > 60)
    box = (int(columns[0]) - 3, int(rows[0]) - 3, int(columns[-1]) + 4, int(rows[-1]) + 4)
    cut = Image.fromarray(digit).crop(box)
    scale = height / int(rows[-1] - rows[0] + 1)
    big = cut.resize((round(cut.width * scale), round(cut.height * scale)), Image.Resampling.BICUBIC)
    big = big.filter(ImageFilter.GaussianBlur(0.75 * scale)).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    sheet = Image.new("L", size)
    sheet.paste(big, (round(size[0] * at[0] - big.width / 2), round(size[1] * at[1] - big.height / 2)))
    # The blurred outline crosses its threshold within about a pixel: a crisp, antialiased edge.
    edge = (np.asarray(sheet) / 255 - 0.42 + weight) * scale / 1.2
    return np.clip(edge + 0.5, 0, 1)


def cloud(size: tuple[int, int], grain: int, seed: int) -> Plane:
    """Smooth noise in -1..1 with features of about `grain` pixels, on (width, height)."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(-1, 1, (size[1] // grain + 2, size[0] // grain + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC), np.float64)


def ramp(size: tuple[int, int], right: float, down: float) -> Plane:
    """Light that changes evenly from 1 at the top left by `right` and `down` towards the other corners."""
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    plane: Plane = 1 + right * x + down * y
    return plane


def paint(ink: Plane, light: Plane, colour: Colour, paper: Colour, step: int = 1) -> Image.Image:
    """RGB: `ink` of one colour on paper of another under `light`.

    Levels are multiples of `step`, so that a grainy PNG stays small.
    """
    mixed = ink[..., None] * np.array(colour) + (1 - ink[..., None]) * np.array(paper)
    levels = np.clip(mixed * light[..., None], 0, 1) * 255
    return Image.fromarray((np.round(levels / step) * step).clip(0, 255).astype(np.uint8))
