"""The container: what is refused, and in which words."""

from __future__ import annotations

import zlib

import pytest

from service.errors import ImageError, LimitError
from service.images import png
from service.images.decoding import decode
from tests.service.images.containers import chunk, container, header

LIMIT = 1_000_000
ROWS = zlib.compress(bytes(9 * 8))
PIXELS = chunk(b"IDAT", ROWS)
END = chunk(b"IEND", b"")


def broken(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png.SIGNATURE + header()[:20], "truncated PNG: the file ends after 28 bytes, within its first chunk"),
        (png.SIGNATURE + PIXELS + bytes(30), "damaged PNG: the first chunk is not an IHDR of 13 bytes"),
        (container(header((13377, 13377)), PIXELS), "damaged PNG: it has more than one IHDR chunk"),
        (container(chunk(b"ABCD", b"x"), PIXELS), "this PNG has a chunk ABCD, which the standard does not"),
        (container(chunk(b"\x01bCD", b""), PIXELS), "this PNG has a chunk 0x01624344, which the standard does"),
        (container(broken(chunk(b"tEXt", b"a")), PIXELS), "damaged PNG: the checksum of chunk tEXt does not match"),
        (container(), "damaged PNG: it has no IDAT chunk, so no pixels"),
        (container(PIXELS, colour_type=3), "damaged PNG: its pixels are indices into a palette, and it has no PLTE"),
        (container(chunk(b"tRNS", b"x"), PIXELS), "damaged PNG: a tRNS chunk of 1 bytes in an image of type 0"),
        (container(PIXELS)[:-12], "truncated PNG: the file ends after 57 bytes, before its IEND chunk"),
        (container(PIXELS)[:-20], "truncated PNG: chunk IDAT ends at byte 57, the file at 49"),
        (container(PIXELS, size=(0, 8)), "damaged PNG: its size is 0x8"),
        (container(PIXELS, bit_depth=3), "damaged PNG: colour type 0 with 3 bits is not in the standard"),
        (png.SIGNATURE + header(rest=b"\x01\x00\x00") + PIXELS + END, "damaged PNG: compression 1, filter 0"),
        (container(broken(PIXELS)), "damaged PNG: the checksum of chunk IDAT does not match its content"),
        (container(chunk(b"IDAT", broken(ROWS))), "damaged PNG: its compressed pixels cannot be read (incorrect data"),
        (container(chunk(b"IDAT", b"nonsense")), "damaged PNG: its compressed pixels cannot be read (incorrect header"),
        (container(chunk(b"IDAT", zlib.compress(bytes(27)))), "damaged PNG: it has fewer pixels than 8x8, or"),
        (container(chunk(b"IDAT", ROWS[:-4])), "truncated PNG: its compressed pixels end too early"),
        (
            container(chunk(b"IDAT", zlib.compress(b"\x09" + bytes(71)))),
            "damaged PNG: it has fewer pixels than 8x8, or",
        ),
        (container(PIXELS, chunk(b"PLTE", bytes(3)), colour_type=3), "damaged PNG: it has fewer pixels than 8x8, or"),
        (
            container(chunk(b"IDAT", ROWS[:5]), chunk(b"PLTE", bytes(3)), chunk(b"IDAT", ROWS[5:]), colour_type=2),
            "damaged PNG: its IDAT chunks do not follow each other",
        ),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, LIMIT)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("size", [(1, 33_554_432), (33_554_432, 1), (1_000_001, 1)])
def test_a_side_has_a_bound(size: tuple[int, int]) -> None:
    with pytest.raises(LimitError, match=r"a side may have at most 1000000 pixels$"):
        decode(container(PIXELS, size=size), 33_554_432)


@pytest.mark.parametrize("colour_type", [png.GREY, png.PALETTE])
def test_the_size_is_checked_before_any_pixel_is_decoded(colour_type: int) -> None:
    """A file that claims a huge size costs nothing."""
    with pytest.raises(LimitError, match="at most 1000000 are allowed"):
        decode(container(PIXELS, size=(2**31 - 1, 2**31 - 1), colour_type=colour_type), LIMIT)


def test_the_number_of_chunks_has_a_bound() -> None:
    with pytest.raises(LimitError, match="the PNG has more than 50000 chunks"):
        decode(container(*[chunk(b"IDAT", b"")] * 50_001, PIXELS), LIMIT)


def test_what_follows_the_end_is_ignored_as_other_decoders_do() -> None:
    data = container(PIXELS)
    for tail in (b"junk", chunk(b"tEXt", b"a"), header((13377, 13377))):
        assert decode(data + tail, LIMIT).shape == (8, 8, 1)


def test_more_rows_than_the_header_says_are_ignored_as_other_decoders_do() -> None:
    assert decode(container(chunk(b"IDAT", zlib.compress(bytes(900)))), LIMIT).shape == (8, 8, 1)


def test_pixels_are_claimed_by_the_first_header_of_a_png_only() -> None:
    assert png.claim_pixels(container(PIXELS, size=(7, 9))) == 63
    assert png.claim_pixels(b"\xff" * 100) == png.claim_pixels(png.SIGNATURE) == 0
