"""A PNG to pixels, whatever its kind.

    bytes → the chunks that hold pixels → libpng (in OpenCV) → 8 bits, RGB → turned upright

libpng refuses each wrong checksum and leaks nothing; bench/LOG.md compares it with the others. 16-bit samples are
rounded, transparent colours become alpha.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError
from service.images import png, png_strips
from service.images.formats import Data
from service.images.opencv import AS_THEY_ARE, RGB_FLAGS, decode_by_opencv
from service.images.orientation import turn
from service.images.png import Png

TO_8_BITS = 1 / 257  # 255 / 65535: 16-bit samples are scaled, not cut


def decode(data: Data, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8, C 1, 3 or 4; of a very large one fewer, as png_strips.py says.

    Raises:
        ImageError: Cut off, or damaged.
        LimitError: More than `max_pixels` pixels, or over another bound of the format.
    """
    container = png.read(data, max_pixels)
    factor = png_strips.choose_factor(container)
    pixels = decode_whole(container) if factor == 1 else png_strips.decode_reduced(container, factor)
    return turn(pixels, container.orientation)


def decode_whole(container: Png) -> NDArray[np.uint8]:
    """Pixels as they are stored, of a PNG whose chunks have been checked."""
    is_rgb = (container.colour_type, container.bit_depth, container.transparency) == (png.RGB, 8, None)
    pixels = decode_by_opencv(container.data, RGB_FLAGS if is_rgb else AS_THEY_ARE)
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
