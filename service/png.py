"""PNG bytes to pixels.

    bytes → container checked (signature, lengths, checksums, size) → decoded → pixels (H, W, C) uint8

C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Two decoders give the same pixels: libpng through imagecodecs
for the plain files that nearly all uploads are, Pillow for everything else (palettes, 1, 2, 4 and 16 bits,
interlacing, a transparent colour). Both are given the critical chunks only, so that nothing in a text, profile or
animation chunk reaches a decoder. Gamma and colour profiles are not applied, as in the data sets models learn from.

Format: W3C Portable Network Graphics (Third Edition), https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from imagecodecs import PngError, png_decode
from numpy.typing import NDArray
from PIL import Image

from service.errors import ImageError, LimitError

length_and_kind = struct.Struct(">I4s")
header_fields = struct.Struct(">IIBBBBB")
size_fields = struct.Struct(">II")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The first bytes, the kinds (depth, colour type, compression, filter, interlace) and the last of a plain file.
PLAIN_START = SIGNATURE + b"\x00\x00\x00\rIHDR"
PLAIN_KINDS = frozenset(
    (b"\x08\x00\x00\x00\x00", b"\x08\x02\x00\x00\x00", b"\x08\x04\x00\x00\x00", b"\x08\x06\x00\x00\x00")
)
PLAIN_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
DECODED_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types
BIT_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
TO_8_BITS = 257  # 65535 / 255: 16-bit samples are scaled, not cut


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG whose container has been checked; its pixels have not been decoded yet."""

    width: int  # pixels
    height: int  # pixels
    bit_depth: int
    colour_type: int
    transparent_colour: bytes | None  # the tRNS chunk
    critical: bytes  # a PNG of the critical chunks


def decode(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 of a PNG file, C in 1 to 4.

    Raises:
        ImageError: Not a PNG, cut off, or damaged.
        LimitError: More than `max_pixels` pixels.
    """
    if _is_plain(data):
        width, height = size_fields.unpack_from(data, 16)
        if 0 < width * height <= max_pixels:
            try:
                pixels: NDArray[np.uint8] = png_decode(data)
            except (PngError, ValueError) as error:
                check(data, max_pixels)  # says it in our own words if it finds the fault, too
                raise ImageError(f"damaged PNG: {error}") from error
            return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    return decode_any(check(data, max_pixels))


def _is_plain(data: bytes) -> bool:
    """Whether the fast decoder serves this file: IHDR, one IDAT, IEND; 8 bits, no palette, not interlaced.

    libpng checks the checksums of IHDR and IDAT, and the end is compared here.
    """
    return (
        data[:16] == PLAIN_START
        and data[24:29] in PLAIN_KINDS
        and data[37:41] == b"IDAT"
        and data[45 + int.from_bytes(data[33:37]) :] == PLAIN_END
    )


def check(data: bytes, max_pixels: int) -> Png:
    """Check the container of a PNG.

    Raises:
        ImageError: Not a PNG, cut off, a wrong checksum, or a header that the standard does not know.
        LimitError: More than `max_pixels` pixels.
    """
    header: tuple[int, int, int, int, int, int, int] | None = None
    transparent_colour: bytes | None = None
    has_pixels, kept_all = False, True
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
            has_pixels = True
        if kind in DECODED_CHUNKS:
            critical.append(data[start:end])
        else:
            kept_all = False
    if header is None or not has_pixels:
        raise ImageError("damaged PNG: it has no IDAT chunk, so no pixels")
    width, height, bit_depth, colour_type = header[:4]
    return Png(
        width=width,
        height=height,
        bit_depth=bit_depth,
        colour_type=colour_type,
        transparent_colour=transparent_colour,
        critical=data if kept_all else b"".join(critical),
    )


def decode_any(png: Png) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 by Pillow: slower, for every kind of PNG.

    Raises:
        ImageError: The compressed pixels are damaged or too few.
    """
    try:
        with Image.open(io.BytesIO(png.critical), formats=("PNG",)) as image:
            if png.colour_type == GREY and png.bit_depth == 16:
                return _scale_deep_grey(np.asarray(image), png.transparent_colour)
            image.load()
            if png.transparent_colour is not None and png.colour_type != PALETTE:
                image.info["transparency"] = _scale_transparent_colour(png)
            grey = png.colour_type in (GREY, GREY_ALPHA)
            alpha = png.transparent_colour is not None or png.colour_type in (GREY_ALPHA, RGB_ALPHA)
            mode = ("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB")
            pixels = np.asarray(image.convert(mode))
    # Pillow's decoders raise all of these for damaged data.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error) as error:
        raise ImageError(f"damaged PNG: {error}") from error
    return pixels.reshape(png.height, png.width, -1)


def _scale_deep_grey(samples: NDArray[np.uint16], transparent_colour: bytes | None) -> NDArray[np.uint8]:
    """Pixels (H, W, 1 or 2) uint8 of 16-bit grey samples (H, W): Pillow would clip them to white."""
    grey = ((samples.astype(np.uint32) + TO_8_BITS // 2) // TO_8_BITS).astype(np.uint8)
    if transparent_colour is None:
        return grey[:, :, np.newaxis]
    alpha = np.where(samples == int.from_bytes(transparent_colour[:2]), 0, 255).astype(np.uint8)
    return np.dstack((grey, alpha))


def _scale_transparent_colour(png: Png) -> int | tuple[int, ...]:
    """The transparent colour in the 8 bits that Pillow has decoded to, and compares it with."""
    assert png.transparent_colour is not None
    if png.colour_type == RGB:
        # Of a 16-bit sample Pillow keeps the high byte.
        return tuple(png.transparent_colour[0 if png.bit_depth == 16 else 1 :: 2])
    value = int.from_bytes(png.transparent_colour)
    return min(255, value * 255 // (2**png.bit_depth - 1))


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
