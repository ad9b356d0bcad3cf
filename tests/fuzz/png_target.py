"""A PNG to pixels to a model's size: what decoded.py says, and of the size that the header has.

A file with a text chunk gives what the same file gives without it: that is the short way through `decode` against the
long one. Decoded in strips, as very large ones are, it gives the same pixels or is refused, too; also for what is wrong
behind its last row, at which libpng does not always look.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images import png, png_pixels, png_strips
from service.images.png import Png
from tests.fuzz.decoded import MAX_PIXELS, assert_alike, assert_fitted, decode_checked
from tests.service.images.containers import chunk

TEXT = chunk(b"tEXt", b"Comment\x00none")
ALIKE_EVERY = 4  # of the inputs, is also decoded with a text chunk, and another in strips
STRIP_BYTES = 100  # so that small pictures have several


def check(data: bytes) -> bool:
    """Whether `data` is a picture.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    pixels = decode_checked(data)
    if zlib.crc32(data) % ALIKE_EVERY == 0:
        assert_alike(pixels, decode_checked(data[: png.HEADER_END] + TEXT + data[png.HEADER_END :]))
    if zlib.crc32(data) % ALIKE_EVERY == 1 and data[:8] == png.SIGNATURE:
        _assert_strips_alike(data)
    if pixels is None:
        return False
    size = png.size_fields.unpack_from(data, len(png.HEADER_START))
    assert sorted(pixels.shape[:2]) == sorted(size), (pixels.shape, size)  # it may be turned
    assert_fitted(pixels, data)
    return True


def _assert_strips_alike(data: bytes) -> None:
    try:
        container = png.read(data, MAX_PIXELS)
    except (ImageError, LimitError):
        return
    is_plain = container.bit_depth == 8 and container.transparency is None and not container.is_interlaced
    if container.colour_type in png_strips.KINDS and is_plain:
        whole, in_strips = (_outcome(container, way) for way in (png_pixels.decode_whole, _decode_in_strips))
        if isinstance(in_strips, str):
            assert isinstance(whole, str) or not _ends_well(container), in_strips
        else:
            assert np.array_equal(whole, in_strips), "other pixels in strips than whole"


def _ends_well(container: Png) -> bool:
    """Whether the compressed stream is whole, and has no more rows than the header says."""
    inflater, unpacked = zlib.decompressobj(), 0
    try:
        for kind, each in png.chunks(container.data):
            unpacked += len(inflater.decompress(each[8:-4] if kind == b"IDAT" else b""))
    except zlib.error:
        return False
    return inflater.eof and unpacked == container.height * (
        1 + container.width * png_strips.KINDS[container.colour_type][0]
    )


def _decode_in_strips(container: Png) -> NDArray[np.uint8]:
    before, png_strips.STRIP_BYTES = png_strips.STRIP_BYTES, STRIP_BYTES
    try:
        return png_strips.decode_reduced(container, 1)
    finally:
        png_strips.STRIP_BYTES = before


def _outcome(container: Png, decode: Callable[[Png], NDArray[np.uint8]]) -> NDArray[np.uint8] | str:
    """Pixels, or the sentence of a refusal."""
    try:
        return decode(container)
    except ImageError as error:
        return str(error)
