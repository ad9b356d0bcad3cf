"""PNG bytes to pixels.

    bytes → the chunks that hold pixels → libpng (in OpenCV) → 8 bits, RGB → pixels (H, W, C) uint8

C is 1 grey, 3 RGB, 4 RGB and alpha. One decoder for every kind of PNG: libpng refuses each wrong checksum and leaks
nothing; bench/LOG.md compares it with the others. 16-bit samples are rounded, transparent colours become alpha. Gamma,
colour profiles and orientation are not applied, as in the data sets that models learn from.
"""

from __future__ import annotations

import ctypes
import platform
import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError
from service.images import png
from service.images.png import END, MAX_SIDE, Data, Png

RGB_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION  # without them, blue comes first
# Start; width; height; depth, colour type, compression, filter and interlace; checksum; length and name of a chunk.
plain_fields = struct.Struct(">16sII5s4xI4s")
PLAIN_START, PLAIN_BYTES = png.HEADER_START, plain_fields.size + 4  # the end of IDAT's content is its length further
PLAIN_KINDS = {
    bytes((8, png.GREY, 0, 0, 0)): cv2.IMREAD_UNCHANGED,
    bytes((8, png.RGB, 0, 0, 0)): RGB_FLAGS,
}
TO_8_BITS = 1 / 257  # 255 / 65535: 16-bit samples are scaled, not cut

cv2.setNumThreads(1)  # the threads are the service's own
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would print comes back as None


def decode(data: Data, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 of a PNG file, C 1, 3 or 4.

    Raises:
        ImageError: Not a PNG, cut off, or damaged.
        LimitError: More than `max_pixels` pixels, or over another bound of the format.
    """
    flags = None
    if len(data) >= PLAIN_BYTES:
        start, width, height, kind, length, name = plain_fields.unpack_from(data)
        # IHDR, one IDAT, IEND, as in MNIST's files and most small ones: nothing to leave out or to convert, which saves
        # 3 of 9 µs. libpng checks the checksums of the first two; the third is compared here.
        if start == PLAIN_START and name == b"IDAT" and data[length + PLAIN_BYTES :] == END:
            flags = PLAIN_KINDS.get(kind) if 0 < width * height <= max_pixels and width <= MAX_SIDE >= height else None
    if flags is None:
        return _decode_any(png.read(data, max_pixels))
    pixels: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageError(png.find_damage(Png(width, height, kind[0], kind[1], None, data)))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _decode_any(container: Png) -> NDArray[np.uint8]:
    """Pixels of a PNG of any kind whose chunks have been checked."""
    is_rgb = (container.colour_type, container.bit_depth, container.transparency) == (png.RGB, 8, None)
    encoded = np.frombuffer(container.data, np.uint8)
    pixels: NDArray[np.uint8] | None = cv2.imdecode(encoded, RGB_FLAGS if is_rgb else cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError(png.find_damage(container))
    if pixels.ndim == 2 and container.transparency is not None:
        pixels = _add_alpha(pixels, container)
    if pixels.dtype != np.uint8:
        pixels = cv2.convertScaleAbs(pixels, alpha=TO_8_BITS)
    if pixels.ndim == 2:
        return pixels[:, :, np.newaxis]
    if not is_rgb:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA, pixels)
    return pixels


def _add_alpha(grey: NDArray[np.uint8], container: Png) -> NDArray[np.uint8]:
    """Samples (H, W, 4) of grey ones (H, W), 8 or 16 bits, of which one is transparent: OpenCV leaves that out."""
    assert container.transparency is not None
    transparent = int.from_bytes(container.transparency) % 2**container.bit_depth
    if container.bit_depth < 8:
        transparent = transparent * 255 // (2**container.bit_depth - 1)
    opaque = np.iinfo(grey.dtype).max
    alpha = np.where(grey == transparent, 0, opaque).astype(grey.dtype)
    return np.dstack((grey, grey, grey, alpha))


def silence_libpng() -> None:
    """Take C's stderr away from libpng, which prints a line there for each damaged file: strangers would fill the log.

    Python writes to the file descriptor itself and ONNX Runtime through C++ streams, so both still arrive.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        ctypes.c_void_p.in_dll(libc, "stderr").value = libc.fopen(b"/dev/null", b"w")


silence_libpng()
