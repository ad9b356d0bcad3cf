from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import ImageError, LimitError
from service.images import webp
from service.images.webp import claim_pixels, decode
from tests.fuzz.stand_ins import CountedDecoder
from tests.service.images.segments import photo, save

LIMIT = 1_000_000


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk with its length, padded to an even number of bytes."""
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    """A WebP of these chunks."""
    content = b"".join((b"WEBP", *chunks))
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def extended(width: int, height: int, flags: int) -> bytes:
    """A VP8X chunk."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return chunk(b"VP8X", bytes((flags, 0, 0, 0)) + sides)


def animation_frame(picture: bytes, left: int, top: int, width: int, height: int) -> bytes:
    """An ANMF chunk of a picture's chunks."""
    places = b"".join(value.to_bytes(3, "little") for value in (left // 2, top // 2, width - 1, height - 1))
    return chunk(b"ANMF", places + bytes(4) + picture)


def with_alpha() -> Image.Image:
    picture = photo().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def reference(data: bytes, mode: str) -> NDArray[np.uint8]:
    """Pixels as Pillow decodes them, of an animation its first frame."""
    return np.asarray(Image.open(BytesIO(data)).convert(mode))


LOSSY, LOSSLESS = save(photo(), "WEBP"), save(photo(), "WEBP", lossless=True)
BARE = LOSSY[12:]  # its only chunk
SIDES = [save(with_alpha().rotate(turned), "WEBP", lossless=True)[12:] for turned in (0, 180)]


@pytest.mark.parametrize(("picture", "mode"), [(photo(), "RGB"), (photo().convert("L"), "RGB"), (with_alpha(), "RGBA")])
@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"quality": 5}, {"exif": b"none", "icc_profile": b"none"}])
def test_every_kind_is_decoded_as_by_pillow(picture: Image.Image, mode: str, options: dict[str, Any]) -> None:
    data = save(picture, "WEBP", **options)
    assert decode(data, LIMIT).shape == (30, 45, len(mode))
    assert np.array_equal(decode(data, LIMIT), reference(data, mode))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(("picture", "mode"), [(photo(), "RGB"), (with_alpha(), "RGBA")])
def test_an_animation_gives_its_first_frame(picture: Image.Image, mode: str, lossless: bool) -> None:
    options = {"save_all": True, "append_images": [picture.rotate(90), picture.rotate(180)], "lossless": lossless}
    data = save(picture, "WEBP", **options)
    assert b"ANMF" in data
    assert np.array_equal(decode(data, LIMIT), reference(data, mode))


@pytest.mark.parametrize(("file", "mode"), [(LOSSY, "RGBA"), (riff(SIDES[0]), "RGBA")])
def test_a_first_frame_that_is_smaller_lies_on_a_transparent_canvas(file: bytes, mode: str) -> None:
    frame = animation_frame(file[12:], 4, 6, 45, 30)
    data = riff(extended(60, 50, 0x12), chunk(b"ANIM", bytes(6)), frame, animation_frame(SIDES[1], 0, 0, 45, 30))
    pixels = decode(data, LIMIT)
    assert np.array_equal(pixels, reference(data, mode))
    assert np.array_equal(pixels[6:36, 4:49], reference(file, mode))
    assert not pixels[:6].any()
    assert not pixels[:, 49:].any()


def test_what_the_picture_does_not_need_never_reaches_the_decoder() -> None:
    extra = chunk(b"EXIF", b"none"), chunk(b"XMP ", b"none"), chunk(b"abcd", bytes(7))
    profile = chunk(b"ICCP", bytes(99))
    assert webp.read(riff(extended(45, 30, 0x2C), profile, BARE, *extra), LIMIT).data == LOSSY
    assert webp.read(riff(extended(45, 30, 0x2C), BARE, BARE) + b"more behind its end", LIMIT).data == LOSSY


@pytest.mark.parametrize("data", [LOSSY, LOSSLESS, save(with_alpha(), "WEBP")])
def test_every_truncation_is_refused(data: bytes) -> None:
    """Also where the length in the header is that of what is left."""
    for length in range(12, len(data)):
        repaired = data[:4] + (length - 8).to_bytes(4, "little") + data[8:length]
        for cut in (data[:length], repaired):
            with pytest.raises(ImageError, match="^(truncated|damaged) WebP: "):
                decode(cut, LIMIT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (LOSSY[:12], "truncated WebP: it ends at byte"),
        (riff(), "damaged WebP: it has no chunk"),
        (riff(chunk(b"abcd", b"")), "damaged WebP: it does not say how large its picture is"),
        (riff(chunk(b"VP8 ", bytes(9))), "damaged WebP: it does not say how large its picture is"),
        (riff(chunk(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + bytes(4))), "damaged WebP: it does not say how large"),
        (riff(chunk(b"VP8L", b"\x2e" + bytes(9))), "damaged WebP: it does not say how large its picture is"),
        (riff(chunk(b"VP8X", bytes(9))), "damaged WebP: it does not say how large its picture is"),
        (riff(extended(45, 30, 0)), "damaged WebP: it has no picture"),
        (riff(extended(45, 31, 0), BARE), "damaged WebP: a picture of 45x30 where 45x31 are announced"),
        (riff(extended(45, 30, 2)), "damaged WebP: it is an animation without a frame"),
        (riff(extended(45, 30, 2), chunk(b"ANMF", bytes(15))), "damaged WebP: it is an animation without a frame"),
        (riff(extended(45, 30, 2), chunk(b"ANMF", bytes(16))), "damaged WebP: it has no picture"),
        (riff(extended(45, 30, 2), animation_frame(BARE, 2, 0, 45, 30)), "damaged WebP: its first frame is not within"),
        (riff(chunk(b"VP8 ", BARE[8:18])), "damaged WebP: its compressed pixels cannot be read"),
        (riff(BARE, b"abcd\xff\xff\xff\xff"), "truncated WebP: a chunk has 4294967295 bytes, and 0 are left"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, LIMIT)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (riff(extended(1001, 1000, 0), BARE), "the image is 1001x1000, 1001000 pixels; at most 1000000 are allowed"),
        (riff(extended(1 << 24, 1 << 24, 2), BARE), "the image is 16777216x16777216, 281474976710656 pixels; at most"),
        (riff(BARE, *[chunk(b"abcd", b"")] * 50_000), "the WebP has more than 50000 chunks"),
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


def test_pixels_are_claimed_by_the_first_chunk() -> None:
    assert [claim_pixels(data) for data in (LOSSY, LOSSLESS, riff(extended(60, 50, 2)))] == [1350, 1350, 3000]
    assert claim_pixels(LOSSY[:12]) == claim_pixels(LOSSY[:25]) == claim_pixels(riff(chunk(b"abcd", b""))) == 0
