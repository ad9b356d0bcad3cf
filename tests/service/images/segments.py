"""JPEGs, right or wrong, by their segments; whole ones are Pillow's."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

START = b"\xff\xd8"
END = b"\xff\xd9"
FRAME, SCAN = b"\xff\xc0", b"\xff\xda"


def photo(width: int = 45, height: int = 30) -> Image.Image:
    """A picture with soft colours, as photographs have them."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8))
    return noise.resize((width, height), Image.Resampling.BICUBIC)


def save(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The file that Pillow writes."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def segment(code: int, content: bytes) -> bytes:
    """A segment with its length."""
    return bytes((0xFF, code)) + (len(content) + 2).to_bytes(2) + content


def frame(code: int = 0xC0, bits: int = 8, size: tuple[int, int] = (45, 30), components: int = 3) -> bytes:
    """A frame header of (width, height), as long as its number of components says."""
    sides = size[1].to_bytes(2) + size[0].to_bytes(2)
    parts = b"".join(bytes((number + 1, 0x11, 0)) for number in range(components))
    return segment(code, bytes((bits,)) + sides + bytes((components,)) + parts)


def with_frame(data: bytes, new: bytes) -> bytes:
    """The JPEG with another frame header."""
    start = data.index(FRAME)
    length = int.from_bytes(data[start + 2 : start + 4])
    return data[:start] + new + data[start + 2 + length :]
