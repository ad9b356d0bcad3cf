"""A JPEG to pixels to a model's size: what decoded.py says.

With a comment it gives what it gives without; and what is handed to the decoder is a JPEG from which nothing is left
out any more.
"""

from __future__ import annotations

import zlib

from service.images import jpeg
from tests.fuzz.decoded import MAX_PIXELS, assert_alike, assert_fitted, decode_checked
from tests.service.images.segments import segment

TEXT = segment(jpeg.COMMENT, b"none")
ALIKE_EVERY = 4  # of the inputs, is also decoded with a comment


def check(data: bytes) -> bool:
    """Whether `data` is a picture.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    pixels = decode_checked(data)
    if zlib.crc32(data) % ALIKE_EVERY == 0 and data[:3] == jpeg.SIGNATURE:
        assert_alike(pixels, decode_checked(data[:2] + TEXT + data[2:]))
    if pixels is None:
        return False
    if data[:3] == jpeg.SIGNATURE:
        handed = jpeg.read(data, MAX_PIXELS).data
        assert jpeg.read(handed, MAX_PIXELS).data is handed
    assert_fitted(pixels, data)
    return True
