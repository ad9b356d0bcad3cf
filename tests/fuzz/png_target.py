"""A PNG to pixels to a model's size: what that may give, and nothing else.

Pixels (H, W, 1, 3 or 4) uint8 of the header's size, or an ImageError or a LimitError with a plain sentence. A file with
a text chunk gives what the same file gives without it: that is the short way through `decode` against the long one.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images import png
from service.images.decoding import decode
from service.images.preprocessing import GREY, RGB, Target, fit
from tests.fuzz.sentences import assert_plain
from tests.service.images.containers import chunk

MAX_PIXELS = 1_000_000
# Smaller and larger than most pictures; grey and RGB; to either side of the bound of the Lanczos filter.
TARGETS = (
    Target(28, 28, GREY, (255, 255, 255)),
    Target(28, 28, RGB, (0, 128, 255)),
    Target(64, 80, RGB, (255, 255, 255)),
    Target(9, 100, GREY, (7, 7, 7)),
)
TEXT = chunk(b"tEXt", b"Comment\x00none")
ALIKE_EVERY = 4  # of the inputs, is also decoded with a text chunk


def check(data: bytes) -> bool:
    """Whether `data` is a picture.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    number = zlib.crc32(data)  # chooses by the input alone, so that it does the same when it is repeated
    pixels = _decode(data)
    if number % ALIKE_EVERY == 0:
        _assert_alike(pixels, _decode(data[: png.HEADER_END] + TEXT + data[png.HEADER_END :]))
    if pixels is None:
        return False
    target = TARGETS[number // ALIKE_EVERY % len(TARGETS)]
    fitted = fit(pixels, target)
    assert fitted.dtype == np.uint8
    assert fitted.shape == (target.height, target.width, target.channels)
    return True


def _decode(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels, checked; None for a refusal, checked too."""
    try:
        pixels = decode(data, MAX_PIXELS)
    except (ImageError, LimitError) as error:
        assert_plain(str(error))
        return None
    width, height = png.size_fields.unpack_from(data, len(png.HEADER_START))
    assert pixels.dtype == np.uint8, pixels.dtype
    assert pixels.ndim == 3
    assert pixels.shape[:2] == (height, width), (pixels.shape, width, height)
    assert pixels.shape[2] in (1, 3, 4)
    return pixels


def _assert_alike(pixels: NDArray[np.uint8] | None, with_text: NDArray[np.uint8] | None) -> None:
    if pixels is None or with_text is None:
        assert pixels is with_text, "accepted with a text chunk, refused without, or the other way round"
    else:
        assert np.array_equal(pixels, with_text), "other pixels with a text chunk than without"
