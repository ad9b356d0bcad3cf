"""Which way up a picture is, as EXIF has it, and pixels turned that way.

Format: TIFF 6.0, section 2, and EXIF 2.32, section 4.6.4; of all of it only the tag Orientation of the first directory.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1
PREFIX = b"Exif\x00\x00"  # before the TIFF structure in a JPEG, and in some WebPs
ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
TAG, SHORT = 0x0112, 3
MAX_ENTRIES = 512  # of the directory; a camera's has a dozen
# Whether rows and columns are swapped, and then which way they are mirrored, as cv2.flip has it.
TURNS = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


def read_orientation(exif: bytes) -> int:
    """1 to 8; 1, upright, where nothing that can be read says otherwise."""
    tiff = exif.removeprefix(PREFIX)
    order = ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    entry = struct.Struct(order + "HHIH")  # tag, type, count, value
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for place in range(min(count, MAX_ENTRIES)):
            tag, kind, values, value = entry.unpack_from(tiff, start + 2 + 12 * place)
            if tag == TAG:
                return value if (kind, values) == (SHORT, 1) and value in TURNS else UPRIGHT
    except struct.error:  # it ends too early
        pass
    return UPRIGHT


def turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) or (W, H, C), upright, of (H, W, C) that are stored that way."""
    if orientation == UPRIGHT:
        return pixels
    is_swapped, mirror = TURNS[orientation]
    turned = cv2.transpose(pixels) if is_swapped else pixels
    if mirror is not None:
        turned = cv2.flip(turned, mirror)
    return turned.reshape(*turned.shape[:2], pixels.shape[2])  # OpenCV drops a C of 1
