"""A very large PNG to fewer pixels than it has, without ever holding all of them.

    IDAT → zlib → the rows of a strip → a PNG of that strip → libpng (in OpenCV) → blocks of its pixels, averaged

A row is coded by its difference from the one above it, and libpng decodes whole files only. So each strip becomes a
file whose first row is the one above the strip, already decoded. Damage is found here, by zlib and by checksums.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError
from service.images import png
from service.images.opencv import GREY_FLAGS, RGB_FLAGS, decode_by_opencv
from service.images.png import Png

WHOLE_PIXELS = 33_554_432  # what has no more is decoded whole: the default of SERVICE_MAX_PIXELS
LEAST_SIDE = 2048  # pixels that the shorter side keeps: models take a tenth of that
STRIP_BYTES = 2 * 1024 * 1024  # as much as stays in a cache
INFLATED_BYTES = 64 * 1024  # compressed, at once
KINDS = {png.GREY: (1, GREY_FLAGS), png.RGB: (3, RGB_FLAGS)}  # channels and flags, by colour type


def choose_factor(container: Png) -> int:
    """By how much each side is divided; 1 for what is decoded whole.

    That is what is small or narrow, interlaced, or has samples that cannot be averaged: indices, alpha, 16 bits.
    """
    plain = container.colour_type in KINDS and container.bit_depth == 8 and container.transparency is None
    if not plain or container.is_interlaced or container.width * container.height <= WHOLE_PIXELS:
        return 1
    return max(1, min(container.width, container.height) // LEAST_SIDE)


def decode_reduced(container: Png, factor: int) -> NDArray[np.uint8]:
    """Pixels (H / factor, W / factor, C) uint8, rounded up, each the mean of a block.

    Raises:
        ImageError: The file is damaged, or cut off.
    """
    channels, flags = KINDS[container.colour_type]
    row_bytes = 1 + channels * container.width
    height, width = -(-container.height // factor), -(-container.width // factor)
    reduced = np.empty((height, width, channels), np.uint8)
    above, done = bytes(row_bytes), 0
    for rows in _inflate(container, row_bytes, factor):
        pixels = decode_by_opencv(_write_strip(container, above + rows), flags)
        if pixels is None:
            raise ImageError(png.find_damage(container))
        above = b"\x00" + pixels[-1].tobytes()
        count = -(-(len(pixels) - 1) // factor)
        strip = cv2.resize(pixels[1:], (width, count), interpolation=cv2.INTER_AREA)
        reduced[done : done + count] = strip.reshape(count, width, channels)
        done += count
    return reduced


def _inflate(container: Png, row_bytes: int, factor: int) -> Iterator[bytes]:
    """The rows, each with its filter's byte: strips of whole blocks, and at the end the rest.

    The stream must end well behind the last row, of which libpng is less sure.
    """
    at_once = max(1, STRIP_BYTES // row_bytes // factor) * factor  # rows
    inflater, unpacked, left, is_full = zlib.decompressobj(), bytearray(), container.height, False
    try:
        for piece in _compressed(container):
            waiting: bytes | memoryview = piece
            while left and not inflater.eof and (waiting or is_full):
                rows = min(at_once, left // factor * factor) or left
                unpacked += inflater.decompress(waiting, rows * row_bytes - len(unpacked))
                waiting, is_full = inflater.unconsumed_tail, len(unpacked) == rows * row_bytes
                if is_full:
                    yield bytes(unpacked)
                    unpacked.clear()
                    left -= rows
            if not left and not inflater.eof and inflater.decompress(waiting, 1):
                raise ImageError(f"damaged PNG: it has more pixels than {container.width}x{container.height}")
    except zlib.error as error:
        raise ImageError(png.find_damage(container)) from error
    if left or not inflater.eof:
        raise ImageError(png.find_damage(container))


def _compressed(container: Png) -> Iterator[memoryview]:
    """The content of all IDAT chunks, in pieces, once their checksums have been compared."""
    for kind, chunk in png.chunks(container.data):
        if kind == b"IDAT":
            png.check_chunk(kind, chunk)
            content = chunk[8:-4]
            for start in range(0, len(content), INFLATED_BYTES):
                yield content[start : start + INFLATED_BYTES]


def _write_strip(container: Png, rows: bytes) -> bytes:
    """A PNG of these rows, which are stored without being compressed."""
    height = len(rows) // (1 + KINDS[container.colour_type][0] * container.width)
    header = png.header_fields.pack(container.width, height, 8, container.colour_type, 0, 0, 0)
    stored = _write_chunk(b"IDAT", zlib.compress(rows, 0))
    return b"".join((png.SIGNATURE, _write_chunk(b"IHDR", header), stored, png.END))


def _write_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((png.length_and_kind.pack(len(content), kind), content, checksum.to_bytes(4)))
