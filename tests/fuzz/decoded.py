"""What any decoder may give of any bytes, and nothing else: for the targets of PNG, JPEG and WebP.

Pixels (H, W, 1, 3 or 4) uint8 of as many pixels as the header claims, or an ImageError or a LimitError with a plain
sentence; and of the pixels any model's view.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images.decoding import FORMATS, claim_pixels, decode
from service.images.preprocessing import GREY, RGB, Target, fit
from tests.fuzz.sentences import assert_plain

MAX_PIXELS = 1_000_000
ALL = tuple(FORMATS)
# Smaller and larger than most pictures; grey and RGB; to either side of the bound of the Lanczos filter.
TARGETS = (
    Target(28, 28, GREY, (255, 255, 255)),
    Target(28, 28, RGB, (0, 128, 255)),
    Target(64, 80, RGB, (255, 255, 255)),
    Target(9, 100, GREY, (7, 7, 7)),
)


def decode_checked(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels, checked; None for a refusal, checked too."""
    try:
        pixels = decode(data, MAX_PIXELS, ALL)
    except (ImageError, LimitError) as error:
        assert_plain(str(error))
        return None
    assert pixels.dtype == np.uint8, pixels.dtype
    assert pixels.ndim == 3
    assert pixels.shape[0] * pixels.shape[1] == claim_pixels(data, ALL), pixels.shape
    assert pixels.shape[2] in (1, 3, 4)
    return pixels


def assert_fitted(pixels: NDArray[np.uint8], data: bytes) -> None:
    """The pixels of `data` fit into a model, which is chosen by the bytes, so that it is the same when repeated."""
    target = TARGETS[zlib.crc32(data) // 4 % len(TARGETS)]
    fitted = fit(pixels, target)
    assert fitted.dtype == np.uint8
    assert fitted.shape == (target.height, target.width, target.channels)


def assert_alike(pixels: NDArray[np.uint8] | None, with_text: NDArray[np.uint8] | None) -> None:
    """The same with a text in the file as without."""
    if pixels is None or with_text is None:
        assert pixels is with_text, "accepted with a text, refused without, or the other way round"
    else:
        assert np.array_equal(pixels, with_text), "other pixels with a text than without"
