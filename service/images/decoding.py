"""PNG bytes to pixels.

    bytes → container checked → decoded → pixels (H, W, C) uint8

C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Two decoders give the same pixels: libpng through imagecodecs
for the plain files that nearly all uploads are, Pillow for everything else (palettes, 1, 2, 4 and 16 bits,
interlacing, a transparent colour). Pillow is given the critical chunks only, so that nothing in a text, profile or
animation chunk reaches it. Gamma and colour profiles are not applied, as in the data sets that models learn from.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from imagecodecs import PngError, png_decode
from numpy.typing import NDArray
from PIL import Image

from service.errors import ImageError
from service.images.png import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, SIGNATURE, Png, check, check_length

# Of a plain file: its start; depth, colour type, compression, filter and interlace; the second chunk; its end.
PLAIN_START = SIGNATURE + b"\x00\x00\x00\rIHDR"
PLAIN_KINDS = frozenset(
    (b"\x08\x00\x00\x00\x00", b"\x08\x02\x00\x00\x00", b"\x08\x04\x00\x00\x00", b"\x08\x06\x00\x00\x00")
)
PLAIN_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# Start, width, height, kind, the checksum of IHDR, then length and name of the second chunk.
plain_fields = struct.Struct(">16sII5s4xI4s")
TO_8_BITS = 257  # 65535 / 255: 16-bit samples are scaled, not cut


def decode(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 of a PNG file, C in 1 to 4.

    Raises:
        ImageError: Not a PNG, cut off, or damaged.
        LimitError: More than `max_pixels` pixels.
    """
    if _is_plain(data, max_pixels):
        try:
            pixels: NDArray[np.uint8] = png_decode(data)
        except (PngError, ValueError) as error:
            check(data, max_pixels)  # says it in our own words if it finds the fault, too
            raise ImageError(f"damaged PNG: {error}") from error
        return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    return decode_any(check(data, max_pixels))


def _is_plain(data: bytes, max_pixels: int) -> bool:
    """Whether the fast decoder serves this file: IHDR, one IDAT, IEND; 8 bits, no palette, no interlacing, no giant.

    libpng checks the checksums of IHDR and IDAT, and the end is compared here.
    """
    if len(data) < plain_fields.size:
        return False
    start, width, height, kind, length, name = plain_fields.unpack_from(data)
    return (
        start == PLAIN_START
        and kind in PLAIN_KINDS
        and name == b"IDAT"
        and data[plain_fields.size + 4 + length :] == PLAIN_END
        and 0 < width * height <= max_pixels
    )


def decode_any(png: Png) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 by Pillow: slower, for every kind of PNG.

    Raises:
        ImageError: The compressed pixels are damaged or too few.
    """
    check_length(png)
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
    value: int = int.from_bytes(png.transparent_colour) * 255 // (2**png.bit_depth - 1)
    return min(255, value)
