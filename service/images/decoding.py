"""A file's bytes to pixels, by the decoder of its format, which is told by its first bytes and never by its name.

    bytes → one of FORMATS, or a refusal → pixels (H, W, C) uint8

C is 1 grey, 3 RGB, 4 RGB and alpha. A format that is not enabled reaches no decoder. Each decoder reads the header
itself and holds it against the bounds before anything is decoded, leaves out what no pixel needs, and turns the picture
upright as its EXIF says. Gamma and colour profiles are not applied: docs/formats.md says why.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError
from service.images import jpeg, png, png_pixels, webp
from service.images.formats import Data, name_format
from service.images.opencv import AS_THEY_ARE, RGB_FLAGS
from service.images.orientation import UPRIGHT
from service.images.png import END, Png

# Start; width; height; depth, colour type, compression, filter and interlace; checksum; length and name of a chunk.
plain_fields = struct.Struct(">16sII5s4xI4s")
PLAIN_START, PLAIN_BYTES = png.HEADER_START, plain_fields.size + 4  # the end of IDAT's content is its length further
PLAIN_SIDE = 4096  # pixels; what is larger may have to be decoded in strips
PLAIN_KINDS = {
    bytes((8, png.GREY, 0, 0, 0)): AS_THEY_ARE,
    bytes((8, png.RGB, 0, 0, 0)): RGB_FLAGS,
}


class Format(NamedTuple):
    """What is known of a format."""

    title: str
    suffixes: tuple[str, ...]  # of file names
    decode: Callable[[Data, int], NDArray[np.uint8]]  # a file and the most pixels that it may have
    claim_pixels: Callable[[Data], int]  # width times height as the header has it; 0, if there is none


FORMATS = {
    "png": Format("PNG", (".png",), png_pixels.decode, png.claim_pixels),
    "jpeg": Format("JPEG", (".jpg", ".jpeg"), jpeg.decode, jpeg.claim_pixels),
    "webp": Format("WebP", (".webp",), webp.decode, webp.claim_pixels),
}
ONLY_PNG = ("png",)


def decode(data: Data, max_pixels: int, formats: Sequence[str] = ONLY_PNG) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 of a file of one of the formats, C 1, 3 or 4; PNG is always among them.

    Raises:
        ImageError: Of another format, cut off, or damaged.
        LimitError: More than `max_pixels` pixels, or over another bound of the format.
    """
    flags = None
    if len(data) >= PLAIN_BYTES:
        start, width, height, kind, length, name = plain_fields.unpack_from(data)
        # IHDR, one IDAT, IEND, as in MNIST's files and most small ones: nothing to leave out or to convert, which saves
        # 3 of 9 µs. libpng checks the checksums of the first two; the third is compared here.
        if start == PLAIN_START and name == b"IDAT" and data[length + PLAIN_BYTES :] == END:
            fits = 0 < width * height <= max_pixels and width <= PLAIN_SIDE >= height
            flags = PLAIN_KINDS.get(kind) if fits else None
    if flags is None:
        found = tell_format(data)
        if found not in formats:
            raise ImageError(_refuse(data, found, formats))
        return FORMATS[found].decode(data, max_pixels)
    pixels: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageError(png.find_damage(Png(width, height, kind[0], kind[1], None, False, UPRIGHT, data)))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def claim_pixels(data: Data, formats: Sequence[str]) -> int:
    """Width times height as the file's header has it; 0, if it would not be decoded."""
    found = tell_format(data)
    return FORMATS[found].claim_pixels(data) if found in formats else 0


def tell_format(data: Data) -> str:
    """One of FORMATS; empty, if it is none of them."""
    if data[:8] == png.SIGNATURE:
        return "png"
    if data[:3] == jpeg.SIGNATURE:
        return "jpeg"
    return "webp" if (data[:4], data[8:12]) == (webp.RIFF, webp.WEBP) else ""


def list_titles(formats: Sequence[str]) -> str:
    """The formats as a sentence has them: PNG, JPEG or WebP."""
    *first, last = (FORMATS[name].title for name in formats)
    return f"{', '.join(first)} or {last}" if first else last


def _refuse(data: Data, found: str, formats: Sequence[str]) -> str:
    """Why a file is not decoded: what it is, what is wanted, and the way out."""
    wanted = f"send a {list_titles(formats)}"
    if not data:
        return f"the file is empty; {wanted}"
    if not found:
        return f"this is {name_format(data)}; {wanted}"
    setting = f"SERVICE_FORMATS={','.join((*formats, found))}"
    taken = list_titles(formats).replace(" or ", " and ")
    return f"this is {name_format(data)}; this service takes {taken}; {wanted}, or start it with {setting}"
