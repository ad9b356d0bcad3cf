"""The container of a PNG: signature, chunks, checksums and header, checked before anything is decoded.

Format: W3C Portable Network Graphics (Third Edition), https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import ImageError, LimitError

length_and_kind = struct.Struct(">I4s")
size_fields = struct.Struct(">II")
header_fields = struct.Struct(">IIBBBBB")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DECODED_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types
BIT_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}  # for each pixel
# First column, first row and steps of the seven passes of an interlaced file.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG whose container has been checked; its pixels have not been decoded yet."""

    width: int  # pixels
    height: int  # pixels
    bit_depth: int
    colour_type: int
    transparent_colour: bytes | None  # the tRNS chunk
    interlaced: bool
    compressed: bytes  # content of the IDAT chunks
    critical: bytes  # a PNG of the critical chunks


def claim_pixels(data: bytes) -> int:
    """Width times height as the header has it; anything, if it is not a PNG."""
    width: int
    height: int
    width, height = size_fields.unpack_from(data, 16) if len(data) >= 24 else (0, 0)
    return width * height


def check(data: bytes, max_pixels: int) -> Png:
    """Check the container of a PNG.

    Raises:
        ImageError: Not a PNG, cut off, a wrong checksum, or a header that the standard does not know.
        LimitError: More than `max_pixels` pixels.
    """
    header: tuple[int, int, int, int, int, int, int] | None = None
    transparent_colour: bytes | None = None
    compressed: list[bytes] = []
    kept_all = True
    critical: list[bytes] = [SIGNATURE]
    for kind, start, end in _chunks(data):
        if header is None:
            if kind != b"IHDR" or end - start != 12 + header_fields.size:
                raise ImageError(f"damaged PNG: the first chunk is {_name(kind)}, not an IHDR of 13 bytes")
            header = header_fields.unpack_from(data, start + 8)
            _check_header(header, max_pixels)
        elif kind == b"tRNS":
            transparent_colour = data[start + 8 : end - 4]
            _check_transparency(transparent_colour, colour_type=header[3])
        elif kind == b"IDAT":
            compressed.append(data[start + 8 : end - 4])
        if kind in DECODED_CHUNKS:
            critical.append(data[start:end])
        else:
            kept_all = False
    if header is None or not compressed:
        raise ImageError("damaged PNG: it has no IDAT chunk, so no pixels")
    width, height, bit_depth, colour_type, _, _, interlace = header
    return Png(
        width=width,
        height=height,
        bit_depth=bit_depth,
        colour_type=colour_type,
        transparent_colour=transparent_colour,
        interlaced=interlace == 1,
        compressed=b"".join(compressed),
        critical=data if kept_all else b"".join(critical),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of each chunk up to IEND, each checked whole."""
    if not data:
        raise ImageError("the file is empty (0 bytes); send a PNG image")
    if not data.startswith(SIGNATURE):
        raise ImageError(f"not a PNG: the file starts with {data[:8]!r}, a PNG with {SIGNATURE!r}")
    start, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if start + 12 > len(data):
            raise ImageError(f"truncated PNG: the file ends after {len(data)} bytes, before its IEND chunk")
        length, kind = length_and_kind.unpack_from(data, start)
        end = start + 12 + length
        if end > len(data):
            raise ImageError(f"truncated PNG: chunk {_name(kind)} ends at byte {end}, the file at {len(data)}")
        if zlib.crc32(data[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise ImageError(f"damaged PNG: the checksum of chunk {_name(kind)} does not match its content")
        yield kind, start, end
        start = end


def _check_transparency(colour: bytes, colour_type: int) -> None:
    allowed = {GREY: (2,), RGB: (6,), PALETTE: range(1, 257)}
    if len(colour) not in allowed.get(colour_type, ()):
        raise ImageError(f"damaged PNG: a tRNS chunk of {len(colour)} bytes in an image of colour type {colour_type}")


def check_length(png: Png) -> None:
    """Pillow shows what is there and leaves the rest black; so the rows are counted here."""
    bits = png.bit_depth * SAMPLES[png.colour_type]
    passes = ADAM7 if png.interlaced else ((0, 0, 1, 1),)
    expected = 0
    for x, y, step_x, step_y in passes:
        columns, rows = -((x - png.width) // step_x), -((y - png.height) // step_y)
        expected += rows * (1 + (columns * bits + 7) // 8) if columns > 0 < rows else 0
    try:
        found = len(zlib.decompressobj().decompress(png.compressed, expected))
    except zlib.error as error:
        raise ImageError(f"damaged PNG: {error}") from error
    if found < expected:
        raise ImageError(f"truncated PNG: its pixels are {found} bytes, {png.width}x{png.height} needs {expected}")


def _check_header(header: tuple[int, int, int, int, int, int, int], max_pixels: int) -> None:
    width, height, bit_depth, colour_type, compression, filtering, interlace = header
    if bit_depth not in BIT_DEPTHS.get(colour_type, ()):
        raise ImageError(f"damaged PNG: colour type {colour_type} with {bit_depth} bits is not in the standard")
    if compression or filtering or interlace > 1:
        raise ImageError(
            f"damaged PNG: compression {compression}, filter {filtering}, interlace {interlace} is not in the standard"
        )
    if not (width and height):
        raise ImageError(f"damaged PNG: its size is {width}x{height}")
    if width * height > max_pixels:
        raise LimitError(f"the image is {width}x{height}, {width * height} pixels; at most {max_pixels} are allowed")


def _name(kind: bytes) -> str:
    return ascii(kind)[2:-1]
