"""Very large PNGs, whose bounds are lowered here, so that small ones are decoded in strips."""

from __future__ import annotations

import tracemalloc
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import ImageError
from service.images import png, png_pixels, png_strips
from service.images.png_pixels import decode
from tests.service.images.containers import chunk, container
from tests.service.images.segments import photo, save
from tests.service.images.test_orientation import exif

LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of a few rows."""
    monkeypatch.setattr(png_strips, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(png_strips, "LEAST_SIDE", 10)
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 1200)
    monkeypatch.setattr(png_strips, "INFLATED_BYTES", 100)


def whole(data: bytes) -> NDArray[np.uint8]:
    """All pixels, as Pillow decodes them."""
    pixels = np.asarray(Image.open(BytesIO(data)))
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(45, 30), (46, 31), (47, 95), (300, 20)])
def test_each_pixel_is_the_mean_of_a_block(mode: str, size: tuple[int, int]) -> None:
    data = save(photo(*size).convert(mode), "PNG")
    factor = min(size) // 10
    expected = whole(data)
    height, width = -(-size[1] // factor), -(-size[0] // factor)
    pixels = decode(data, LIMIT)
    assert pixels.shape == (height, width, expected.shape[2])
    full = size[1] // factor * factor  # rows that are in whole blocks
    reduced = cv2.resize(expected[:full], (width, full // factor), interpolation=cv2.INTER_AREA)
    assert np.array_equal(pixels[: full // factor], reduced.reshape(full // factor, width, -1))
    if full < size[1]:
        last = cv2.resize(expected[full:], (width, 1), interpolation=cv2.INTER_AREA)
        assert np.array_equal(pixels[full // factor :], last.reshape(1, width, -1))


def test_every_filter_finds_the_row_above_its_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a factor of one and a strip for each row."""
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 1)
    samples = np.random.default_rng(0).integers(0, 256, (50, 3 * 40), np.uint8)
    rows = b"".join(bytes((number % 5,)) + row.tobytes() for number, row in enumerate(samples))
    data = container(chunk(b"IDAT", zlib.compress(rows)), size=(40, 50), colour_type=2)
    found = png_strips.decode_reduced(png.read(data, LIMIT), 1)
    assert np.array_equal(found, whole(data))


def test_what_is_small_or_cannot_be_averaged_is_decoded_whole() -> None:
    alpha, palette, narrow = photo().convert("RGBA"), photo().convert("P"), photo(400, 8)
    for picture in (alpha, palette, narrow, photo(30, 30)):
        assert decode(save(picture, "PNG"), LIMIT).shape[:2] == picture.size[::-1]
    interlaced = bytearray(container(chunk(b"IDAT", zlib.compress(bytes(3000))), size=(45, 45)))
    interlaced[28] = 1
    interlaced[29:33] = zlib.crc32(interlaced[12:29]).to_bytes(4)
    assert decode(bytes(interlaced), LIMIT).shape == (45, 45, 1)


def test_it_is_turned_upright() -> None:
    data = save(photo(), "PNG")
    turned = data[: png.HEADER_END] + chunk(b"eXIf", exif(6)) + data[png.HEADER_END :]
    assert np.array_equal(decode(turned, LIMIT), np.rot90(decode(data, LIMIT), -1))


def test_damage_is_refused_in_the_same_words_as_when_it_is_decoded_whole() -> None:
    data = save(photo(), "PNG")
    words = set()
    for place in range(png.HEADER_END, len(data) - 12, 7):
        damaged = bytearray(data)
        damaged[place] ^= 1
        words.add(refusal(bytes(damaged)))
    rows = zlib.compress(np.random.default_rng(0).integers(0, 5, (45, 46), np.uint8).tobytes())
    for stream in (rows[:-1], rows[:-4] + bytes(4), rows[: len(rows) // 2], zlib.compress(bytes(46)), b"nonsense"):
        words.add(refusal(container(chunk(b"IDAT", stream), size=(45, 45))))
    assert len(words) >= 4


def refusal(data: bytes) -> str:
    """Why it is refused, in strips and whole."""
    with pytest.raises(ImageError) as in_strips:
        decode(data, LIMIT)
    with pytest.raises(ImageError) as at_once:
        png_pixels.decode_whole(png.read(data, LIMIT))
    assert str(in_strips.value) == str(at_once.value)
    return str(in_strips.value)


@pytest.mark.parametrize("extra", [1, 46, 46 * 500])
def test_more_rows_than_the_header_says_are_refused(extra: int) -> None:
    """Small ones are taken, as other decoders do; there is no large one that is not meant ill."""
    data = container(chunk(b"IDAT", zlib.compress(bytes(45 * 46 + extra))), size=(45, 45))
    with pytest.raises(ImageError, match="^damaged PNG: it has more pixels than 45x45$"):
        decode(data, LIMIT)


def test_a_bomb_is_unpacked_a_strip_at_a_time() -> None:
    """A million rows behind those of the header, and a picture that is small as a file."""
    bomb = container(chunk(b"IDAT", zlib.compress(bytes(50_000_000), 9)), size=(45, 45))
    flat = container(chunk(b"IDAT", zlib.compress(bytes(1001 * 900), 9)), size=(1000, 900))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            decode(bomb, LIMIT)
        decode(flat, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
