from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.errors import ImageError, LimitError
from service.images import jpeg
from service.images.jpeg import claim_pixels, decode
from tests.fuzz.stand_ins import CountedDecoder
from tests.service.images.segments import END, SCAN, START, frame, photo, save, segment, with_frame

LIMIT = 1_000_000
WHOLE = save(photo())


def reference(data: bytes, mode: str = "RGB") -> NDArray[np.int64]:
    """Pixels (H, W, C) as Pillow decodes them."""
    picture = Image.open(BytesIO(data))
    pixels = np.asarray(ImageOps.exif_transpose(picture).convert(mode), np.int64)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quality": 10},
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 2},
        {"optimize": True},
        {"restart_marker_blocks": 1},
        {"keep_rgb": True},
        {"icc_profile": bytes(70_000), "comment": b"none"},
    ],
)
def test_colour_is_decoded_as_by_pillow(options: dict[str, Any]) -> None:
    data = save(photo(), **options)
    assert np.array_equal(decode(data, LIMIT), reference(data))


@pytest.mark.parametrize("progressive", [False, True])
def test_grey_has_one_channel(progressive: bool) -> None:
    data = save(photo().convert("L"), progressive=progressive)
    assert decode(data, LIMIT).shape == (30, 45, 1)
    assert np.array_equal(decode(data, LIMIT), reference(data, "L"))


@pytest.mark.parametrize("transform", [0, 2])
def test_cmyk_becomes_rgb(transform: int) -> None:
    """As Adobe's programs write it, inverted, as it is and as YCCK; Pillow and libjpeg round at other places."""
    data = save(photo().convert("CMYK"), quality=95)
    adobe = data.index(b"Adobe") + 11
    data = data[:adobe] + bytes((transform,)) + data[adobe + 1 :]
    assert np.abs(decode(data, LIMIT) - reference(data)).max() <= 1
    if transform == 0:
        assert np.abs(decode(data, LIMIT) - np.asarray(photo(), np.int64)).mean() < 4


def test_what_no_pixel_needs_never_reaches_the_decoder() -> None:
    extra = segment(0xE1, b"Exif\x00\x00") + segment(0xE2, b"ICC_PROFILE\x00") + segment(0xFE, b"hello")
    data = WHOLE[:2] + extra + WHOLE[2:] + b"a film behind the picture" + WHOLE
    assert jpeg.read(data, LIMIT).data == WHOLE
    assert jpeg.read(WHOLE, LIMIT).data is WHOLE
    assert jpeg.read(memoryview(data), LIMIT).data == WHOLE


def test_every_truncation_is_refused() -> None:
    for progressive in (False, True):
        data = save(photo(20, 16), progressive=progressive)
        for length in range(3, len(data)):
            with pytest.raises(ImageError, match="^(truncated|damaged) JPEG: "):
                decode(data[:length], LIMIT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_frame(WHOLE, frame(bits=12)), "this JPEG has 12 bits a sample, and 8 are decoded here; send one of 8 bi"),
        (with_frame(WHOLE, frame(0xC3)), "this JPEG is lossless, which is not decoded here; send a baseline or prog"),
        (with_frame(WHOLE, frame(0xC9)), "this JPEG is arithmetically coded, which is not decoded here; send a base"),
        (with_frame(WHOLE, frame(0xC5)), "this JPEG is hierarchical, which is not decoded here; send a baseline or "),
        (with_frame(WHOLE, frame(components=2)), "damaged JPEG: 2 components in a header of 16 bytes"),
        (with_frame(WHOLE, frame() + frame()), "damaged JPEG: it has more than one frame"),
        (with_frame(WHOLE, frame(size=(45, 0))), "damaged JPEG: its size is 45x0"),
        (with_frame(WHOLE, segment(0xC0, b"\x08")), "damaged JPEG: its header has 5 bytes"),
        (with_frame(WHOLE, b""), "damaged JPEG: its pixels come before its header"),
        (START + frame() + END, "damaged JPEG: it has no pixels"),
        (START + END, "damaged JPEG: it has no pixels"),
        (START + b"\xff\xfe\x00\x01", "damaged JPEG: the segment at byte 2 is shorter than its own length"),
        (START + b"\xff\xfe\x00\x09none", "truncated JPEG: a segment ends at byte 13, the file at 10"),
        (START + b"\xff\xfe", "truncated JPEG: the file ends after 4 bytes, within a segment"),
        (START + b"\xff\x01" + WHOLE[2:], "damaged JPEG: byte 2 begins no segment"),
        (START + b"\xff" * 300 + WHOLE[2:], "damaged JPEG: byte 2 begins no segment"),
        (WHOLE[: WHOLE.index(SCAN)] + segment(0xDA, b"\x01\x09\x00\x00\x3f\x00") + END, "damaged JPEG: its compressed"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, LIMIT)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_frame(WHOLE, frame(size=(1001, 1000))), "the image is 1001x1000, 1001000 pixels; at most 1000000 are"),
        (with_frame(WHOLE, frame(size=(65501, 1))), "the image is 65501x1; a side may have at most 65500 pixels"),
        (WHOLE[:2] + segment(0xFE, b"") * 2000 + WHOLE[2:], "the JPEG has more than 2000 segments"),
        (WHOLE[:-2] + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") * 64 + END, "the JPEG has more than 64 scans; save"),
    ],
)
def test_what_is_over_a_bound_is_refused_before_anything_is_decoded(
    data: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = CountedDecoder(cv2.imdecode)
    monkeypatch.setattr(cv2, "imdecode", counted)
    with pytest.raises(LimitError) as caught:
        decode(data, LIMIT)
    assert str(caught.value).startswith(message)
    assert counted.calls == 0


def test_pixels_are_claimed_by_the_frame() -> None:
    assert claim_pixels(WHOLE) == 45 * 30
    assert claim_pixels(WHOLE[:2] + segment(0xE1, b"Exif\x00\x00" + WHOLE) + WHOLE[2:]) == 45 * 30  # not the thumbnail
    assert claim_pixels(with_frame(WHOLE, segment(0xC0, b""))) == claim_pixels(START) == claim_pixels(START + END) == 0
    assert claim_pixels(with_frame(WHOLE, b"")) == 0
