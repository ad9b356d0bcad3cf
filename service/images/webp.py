"""A WebP: what it says of itself, the chunks that hold its picture or the first of its animation, and the pixels.

    bytes → a WebP of one picture → libwebp (in OpenCV) → RGB → at its place on the canvas → turned upright

Format: RFC 9649. Its pixels have no checksums: damage that leaves codes which can be read gives other pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images.formats import Data
from service.images.opencv import AS_THEY_ARE, RGB_FLAGS, decode_by_opencv
from service.images.orientation import UPRIGHT, read_orientation, turn

RIFF, WEBP = b"RIFF", b"WEBP"
LOSSY, LOSSLESS, EXTENDED, ALPHA, FRAME, EXIF = b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANMF", b"EXIF"
HAS_ANIMATION, HAS_ALPHA = 0x02, 0x10  # flags of VP8X
FIRST_CHUNK = 12  # where it begins
FRAME_BYTES = 16  # of ANMF before its chunks: place, size, duration, how it is blended
START_CODE, LOSSLESS_MARK = b"\x9d\x01\x2a", 0x2F
MAX_CHUNKS = 50_000

chunk_fields = struct.Struct("<4sI")
Chunk = tuple[bytes, memoryview]  # its name and its content


class Webp(NamedTuple):
    """A WebP whose chunks are in order; its pixels have not been decoded yet."""

    canvas: tuple[int, int]  # width and height in pixels
    frame: tuple[int, int, int, int]  # left, top, width and height of the picture on it
    has_alpha: bool
    orientation: int  # 1 to 8, as EXIF has it
    data: Data  # a WebP of that one picture


def decode(data: Data, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8, C 3 or 4; of an animation the first frame, on a transparent canvas where it is smaller.

    Raises:
        ImageError: Cut off, or damaged.
        LimitError: More than `max_pixels` pixels.
    """
    container = read(data, max_pixels)
    pixels = decode_by_opencv(container.data, AS_THEY_ARE if container.has_alpha else RGB_FLAGS)
    if pixels is None:
        raise ImageError("damaged WebP: its compressed pixels cannot be read")
    if container.has_alpha:
        cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA, pixels)
    return turn(_lay_out(pixels, container), container.orientation)


def claim_pixels(data: Data) -> int:
    """Width times height as the first chunk has it; 0, if there is none."""
    try:
        for name, content in _chunks(memoryview(data)[FIRST_CHUNK:]):
            width, height = _read_size(name, content)
            return width * height
    except ImageError:
        pass
    return 0


def read(data: Data, max_pixels: int) -> Webp:
    """Check the chunks, and leave out what the picture does not need: profiles, text, all frames but the first.

    Raises:
        ImageError: Cut off, damaged, or against the standard.
        LimitError: More pixels or chunks than allowed.
    """
    if len(data) < FIRST_CHUNK:
        raise ImageError(f"truncated WebP: the file ends after {len(data)} bytes, within its header")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ImageError(f"truncated WebP: it ends at byte {end}, the file at {len(data)}")
    found = _gather(memoryview(data)[FIRST_CHUNK:end])
    if not found:
        raise ImageError("damaged WebP: it has no chunk")
    first = next(iter(found))
    canvas = width, height = _read_size(first, found[first])
    if width * height > max_pixels:
        raise LimitError(f"the image is {width}x{height}, {width * height} pixels; at most {max_pixels} are allowed")
    place, pieces = (0, 0, width, height), found
    if first == EXTENDED and found[EXTENDED][0] & HAS_ANIMATION:
        if FRAME not in found or len(found[FRAME]) < FRAME_BYTES:
            raise ImageError("damaged WebP: it is an animation without a frame")
        place = _read_place(found[FRAME], canvas)
        pieces = _gather(found[FRAME][FRAME_BYTES:])
    has_alpha, picture = _choose_picture(pieces, place[2:])
    orientation = read_orientation(bytes(found[EXIF])) if EXIF in found else UPRIGHT
    return Webp(canvas, place, has_alpha, orientation, picture)


def _choose_picture(pieces: dict[bytes, memoryview], size: tuple[int, int]) -> tuple[bool, bytes]:
    """Whether it has alpha, and a WebP of nothing but the picture in the chunks, which must have the size."""
    kind = LOSSLESS if LOSSLESS in pieces else LOSSY
    if kind not in pieces:
        raise ImageError("damaged WebP: it has no picture")
    content = pieces[kind]
    own = _read_size(kind, content)
    if own != size:
        raise ImageError(f"damaged WebP: a picture of {own[0]}x{own[1]} where {size[0]}x{size[1]} are announced")
    if kind == LOSSLESS:
        return bool(content[4] & 0x10), _write((kind, content))
    if ALPHA not in pieces:
        return False, _write((kind, content))
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    extended = EXTENDED, memoryview(bytes((HAS_ALPHA, 0, 0, 0)) + sides)
    return True, _write(extended, (ALPHA, pieces[ALPHA]), (kind, content))


def _gather(view: memoryview) -> dict[bytes, memoryview]:
    """The content of the first chunk of each name, in their order."""
    found: dict[bytes, memoryview] = {}
    for name, content in _chunks(view):
        found.setdefault(name, content)
    return found


def _chunks(view: memoryview) -> Iterator[Chunk]:
    """Each chunk."""
    start = 0
    for _ in range(MAX_CHUNKS):
        if start + chunk_fields.size > len(view):
            return
        name, length = chunk_fields.unpack_from(view, start)
        content = view[start + chunk_fields.size : start + chunk_fields.size + length]
        if len(content) < length:
            raise ImageError(f"truncated WebP: a chunk has {length} bytes, and {len(content)} are left")
        yield name, content
        start += chunk_fields.size + length + length % 2
    raise LimitError(f"the WebP has more than {MAX_CHUNKS} chunks")


def _read_size(name: bytes, content: memoryview) -> tuple[int, int]:
    """Width and height in pixels that a chunk announces."""
    if name == EXTENDED and len(content) >= 10:
        return int.from_bytes(content[4:7], "little") + 1, int.from_bytes(content[7:10], "little") + 1
    if name == LOSSLESS and len(content) >= 5 and content[0] == LOSSLESS_MARK:
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == LOSSY and len(content) >= 10 and content[3:6] == START_CODE:
        width, height = (int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        if width and height:
            return width, height
    raise ImageError("damaged WebP: it does not say how large its picture is")


def _read_place(frame: memoryview, canvas: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, width and height of a frame, which must lie on the canvas."""
    left, top, width, height = (int.from_bytes(frame[at : at + 3], "little") for at in (0, 3, 6, 9))
    place = left, top, width, height = 2 * left, 2 * top, width + 1, height + 1
    if left + width > canvas[0] or top + height > canvas[1]:
        raise ImageError(f"damaged WebP: its first frame is not within {canvas[0]}x{canvas[1]}")
    return place


def _write(*chunks: Chunk) -> bytes:
    """A WebP of these chunks."""
    pieces: list[bytes | memoryview] = []
    for name, content in chunks:
        pieces += chunk_fields.pack(name, len(content)), content, bytes(len(content) % 2)
    return b"".join((RIFF, (4 + sum(map(len, pieces))).to_bytes(4, "little"), WEBP, *pieces))


def _lay_out(pixels: NDArray[np.uint8], container: Webp) -> NDArray[np.uint8]:
    """The picture at its place; RGBA, where it does not cover the canvas."""
    left, top, width, height = container.frame
    if (width, height) == container.canvas:
        return pixels
    canvas = np.zeros((container.canvas[1], container.canvas[0], 4), np.uint8)
    is_opaque = pixels.shape[2] == 3
    canvas[top : top + height, left : left + width] = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA) if is_opaque else pixels
    return canvas
