from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from service.images import png
from service.images.decoding import decode
from service.images.orientation import PREFIX, read_orientation
from tests.service.images.containers import chunk
from tests.service.images.segments import photo, save

ALL = ("png", "jpeg", "webp")


def exif(orientation: int, order: str = ">", kind: int = 3, count: int = 1, tag: int = 0x0112) -> bytes:
    """A TIFF structure of two entries."""
    mark = {"<": b"II*\x00", ">": b"MM\x00*"}[order]
    entries = [(0x0100, 4, 1, 45, 0), (tag, kind, count, orientation, 0)]
    first = struct.pack(order + "HHIHH", *entries[0]), struct.pack(order + "HHIHH", *entries[1])
    return mark + struct.pack(order + "IH", 8, len(entries)) + b"".join(first) + bytes(4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_all_eight_are_turned_upright(kind: str, mode: str, orientation: int) -> None:
    """As Pillow turns them."""
    data = save(
        photo().convert(mode), kind, exif=PREFIX + exif(orientation), **{"lossless": True} if kind == "WEBP" else {}
    )
    upright = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))))
    assert upright.shape[:2] == ((30, 45) if orientation < 5 else (45, 30))
    pixels = decode(data, 10_000, ALL)
    assert np.array_equal(pixels if upright.ndim == 3 else pixels[:, :, 0], upright)


def test_a_png_may_say_it_behind_its_pixels_and_its_alpha_is_turned_too() -> None:
    picture = photo().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    data = save(picture, "PNG")
    end = data.index(b"IEND") - 4
    turned = decode(data[:end] + chunk(b"eXIf", exif(6)) + data[end:], 10_000)
    assert np.array_equal(turned, np.asarray(picture.transpose(Image.Transpose.ROTATE_270)))


def test_the_first_one_counts() -> None:
    data = save(photo(), "PNG")
    several = (
        data[: png.HEADER_END] + b"".join(chunk(b"eXIf", exif(value)) for value in (3, 6)) + data[png.HEADER_END :]
    )
    assert np.array_equal(decode(several, 10_000), np.asarray(photo())[::-1, ::-1])


@pytest.mark.parametrize("order", "<>")
def test_both_orders_of_bytes_are_read(order: str) -> None:
    assert [read_orientation(exif(value, order)) for value in range(1, 9)] == list(range(1, 9))
    assert read_orientation(PREFIX + exif(7, order)) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II*\x00",
        exif(6)[:20],
        exif(0),
        exif(9),
        exif(6, kind=4),
        exif(6, count=2),
        exif(6, tag=0x0113),
        b"XX" + exif(6)[2:],
        b"II*\x00\xff\xff\xff\xff",
        b"MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(12) * 600 + exif(6)[22:],  # too far behind
    ],
)
def test_what_cannot_be_read_is_upright(data: bytes) -> None:
    assert read_orientation(data) == 1
