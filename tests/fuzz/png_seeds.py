"""PNGs to begin with: made here, the samples of the project, the PngSuite and MNIST, where they are at hand."""

from __future__ import annotations

import os
import random
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from service.images import png
from tests.fuzz import chunks, rows
from tests.service.images.containers import chunk, container

SAMPLES = Path(__file__).parents[2] / "imgs"
DIGITS = 20  # of MNIST
# Beginnings that `formats.py` names, and the words of its patterns.
OTHERS = (
    b"",
    b"a line of text\n",
    "Grüße".encode() * 100,
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00",
    b"\x89PNG\n\x1a\n",
    b'<?xml version="1.0"?>\n<!-- by hand -->\n<!doctype svg>\n<!----><!---->\n<svg xmlns="http://www.w3.org/2000/svg">',
    b"\xef\xbb\xbf <!-- by hand --> <!----> <!----> <!doctype html><html><head>",
)


def png_seeds() -> dict[str, list[bytes]]:
    """Files by where they are from; there are none of data that the environment does not name."""
    suite, mnist = Path(os.environ.get("PNGSUITE") or "no folder"), Path(os.environ.get("MNIST_NPZ") or "no file")
    return {
        "made here": [*made_here(), *OTHERS],
        "of imgs/": _files(SAMPLES),
        f"of the PngSuite (PNGSUITE: {suite})": _files(suite),
        f"of MNIST (MNIST_NPZ: {mnist})": digits(mnist) if mnist.is_file() else [],
    }


def made_here() -> list[bytes]:
    """A small picture of every colour type, depth and interlacing; one in several IDAT chunks; one that is cut off."""
    rng = random.Random(0)
    headers = [
        rows.Header(9, 7, depth, colour_type, 0, 0, interlace)
        for colour_type, depths in png.BIT_DEPTHS.items()
        for depth in depths
        for interlace in (0, 1)
    ]
    pictures = [chunks.join(rows.make_picture(rng, bytes(range(256)), header)) for header in headers]
    stream = zlib.compress(bytes(9 * 8))
    several = container(chunk(b"tEXt", b"Comment\x00none"), chunk(b"IDAT", stream[:5]), chunk(b"IDAT", stream[5:]))
    return [*pictures, several, several[:60]]


def digits(path: Path) -> list[bytes]:
    """The first test images of MNIST as PNGs."""
    with np.load(path) as arrays:
        images = arrays["x_test"][:DIGITS]
    files = [BytesIO() for _ in images]
    for file, pixels in zip(files, images, strict=True):
        Image.fromarray(pixels).save(file, "PNG")
    return [file.getvalue() for file in files]


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]
