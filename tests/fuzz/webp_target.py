"""A WebP to pixels to a model's size: what decoded.py says; and what is handed to the decoder is the still picture."""

from __future__ import annotations

from service.images import webp
from tests.fuzz.decoded import MAX_PIXELS, assert_fitted, decode_checked


def check(data: bytes) -> bool:
    """Whether `data` is a picture.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    pixels = decode_checked(data)
    if pixels is None:
        return False
    if data[:4] == webp.RIFF:
        handed = webp.read(data, MAX_PIXELS)
        again = webp.read(handed.data, MAX_PIXELS)
        assert (again.data, again.canvas) == (handed.data, handed.frame[2:])
        assert b"ANMF" not in handed.data[:40]
    assert_fitted(pixels, data)
    return True
