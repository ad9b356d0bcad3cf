from __future__ import annotations

import itertools
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import png as pypng
import pytest
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images import png
from service.images.decoding import PLAIN_END, decode, decode_any
from tests.service.conftest import png_bytes

LIMIT = 1_000_000
KINDS = [
    ({"greyscale": True}, (1, 2, 4, 8, 16)),
    ({"greyscale": False}, (8, 16)),
    ({"greyscale": True, "alpha": True}, (8, 16)),
    ({"greyscale": False, "alpha": True}, (8, 16)),
]


def reference(data: bytes) -> NDArray[np.int64]:
    """Pixels (H, W, C) scaled to 8 bits by pypng, which shares no code with libpng or Pillow."""
    width, height, rows, info = pypng.Reader(bytes=data).asDirect()
    samples = np.array([list(row) for row in rows], np.int64).reshape(height, width, -1)
    # An sBIT chunk makes pypng give the significant bits only.
    scaled: NDArray[np.int64] = np.rint(samples * 255 / (2 ** info["bitdepth"] - 1)).astype(np.int64)
    return scaled


def assert_decoded_alike(data: bytes) -> None:
    pixels, general, expected = decode(data, LIMIT), decode_any(png.check(data, LIMIT)), reference(data)
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    assert np.array_equal(pixels, general)
    # 16-bit colour loses its low byte, which is at most one step from the rounded value.
    deep = data[24] == 16 and data[25] != png.GREY
    assert np.abs(pixels - expected).max() <= (1 if deep else 0)


@pytest.mark.parametrize(
    ("kind", "bits", "interlace"),
    [(kind, bits, interlace) for kind, depths in KINDS for bits in depths for interlace in (False, True)],
)
def test_every_kind_is_decoded_as_by_another_decoder(kind: dict[str, bool], bits: int, interlace: bool) -> None:
    planes = (1 if kind["greyscale"] else 3) + kind.get("alpha", False)
    samples = np.random.default_rng(bits).integers(0, 2**bits, (11, 13 * planes))
    buffer = BytesIO()
    pypng.Writer(13, 11, bitdepth=bits, interlace=interlace, **kind).write(buffer, samples.tolist())
    assert_decoded_alike(buffer.getvalue())


@pytest.mark.parametrize(("bits", "transparent"), [*itertools.product((1, 2, 4, 8, 16), (0, 1)), (4, 13), (16, 40000)])
def test_a_transparent_grey_becomes_alpha(bits: int, transparent: int) -> None:
    samples = np.arange(16) % 2**bits if bits < 16 else np.full(16, transparent)
    buffer = BytesIO()
    pypng.Writer(16, 1, greyscale=True, bitdepth=bits, transparent=transparent).write(buffer, [samples.tolist()])
    assert_decoded_alike(buffer.getvalue())
    assert np.array_equal(decode(buffer.getvalue(), LIMIT)[0, :, 1] == 0, samples == transparent)


def test_a_transparent_colour_and_a_palette_become_alpha() -> None:
    row = [255, 0, 0, 0, 255, 0, 255, 0, 1]
    buffer = BytesIO()
    pypng.Writer(3, 1, greyscale=False, transparent=(255, 0, 0)).write(buffer, [row])
    assert_decoded_alike(buffer.getvalue())
    buffer = BytesIO()
    palette = [(9, 8, 7, 0), (6, 5, 4, 128), (3, 2, 1, 255)]
    pypng.Writer(4, 1, palette=palette, bitdepth=2).write(buffer, [[0, 1, 2, 1]])
    assert_decoded_alike(buffer.getvalue())
    assert decode(buffer.getvalue(), LIMIT)[0].tolist() == [list(palette[i]) for i in (0, 1, 2, 1)]


def test_deep_grey_is_scaled_not_clipped() -> None:
    buffer = BytesIO()
    pypng.Writer(4, 1, greyscale=True, bitdepth=16).write(buffer, [[0, 257, 32768, 65535]])
    assert decode(buffer.getvalue(), LIMIT)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("interlace", [False, True])
def test_no_damaged_byte_is_accepted(interlace: bool) -> None:
    """Every byte is under the signature, a checksum or the comparison of the end."""
    buffer = BytesIO()
    pypng.Writer(6, 5, greyscale=True, interlace=interlace).write(buffer, np.arange(30).reshape(5, 6).tolist())
    data = buffer.getvalue()
    for position, bit in itertools.product(range(len(data)), (0x01, 0x80)):
        damaged = bytearray(data)
        damaged[position] ^= bit
        with pytest.raises((ImageError, LimitError)):
            decode(bytes(damaged), LIMIT)


def test_every_truncation_is_refused() -> None:
    data = png_bytes(np.arange(64, dtype=np.uint8).reshape(8, 8))
    for length in range(len(data)):
        with pytest.raises(ImageError, match=r"truncated|empty|not a PNG"):
            decode(data[:length], LIMIT)


def test_too_few_compressed_pixels_are_refused() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    header = png.header_fields.pack(8, 8, 8, png.GREY, 0, 0, 0)
    rows = zlib.compress(bytes(9 * 3))
    data = png.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="damaged PNG"):
        decode(data, LIMIT)
    with pytest.raises(ImageError, match="its pixels are 27 bytes, 8x8 needs 72"):
        decode_any(png.check(data, LIMIT))


def test_what_is_not_a_png_is_named() -> None:
    for data, message in [
        (b"", "the file is empty (0 bytes); send a PNG image"),
        (b"\xff\xd8\xff\xe0JFIF", r"not a PNG: the file starts with b'\xff\xd8\xff\xe0JFIF'"),
    ]:
        with pytest.raises(ImageError) as caught:
            decode(data, LIMIT)
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize("colour_type", [png.GREY, png.PALETTE])
def test_the_header_is_checked_before_any_pixel_is_decoded(colour_type: int) -> None:
    """A file that claims a huge size costs nothing."""
    header = b"IHDR" + png.header_fields.pack(2**31 - 1, 2**31 - 1, 8, colour_type, 0, 0, 0)
    data = png.SIGNATURE + (13).to_bytes(4) + header + zlib.crc32(header).to_bytes(4)
    with pytest.raises(LimitError, match="at most 1000000 are allowed"):
        decode(data + b"\x00\x00\x00\x01IDAT\x00" + zlib.crc32(b"IDAT\x00").to_bytes(4) + PLAIN_END, LIMIT)


def test_text_chunks_reach_no_decoder() -> None:
    """A text chunk that would unpack to 100 MB is dropped with its bytes."""
    bomb = b"zTXt" + b"Comment\x00\x00" + zlib.compress(bytes(100_000_000))
    data = png_bytes(np.full((2, 2), 7, np.uint8))
    start = len(png.SIGNATURE) + 25
    data = data[:start] + (len(bomb) - 4).to_bytes(4) + bomb + zlib.crc32(bomb).to_bytes(4) + data[start:]
    assert decode(data, LIMIT).ravel().tolist() == [7, 7, 7, 7]
    assert b"zTXt" not in png.check(data, LIMIT).critical


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_whole_pngsuite(pngsuite: Path) -> None:
    files = sorted(pngsuite.glob("*.png"))
    broken = [file for file in files if file.name.startswith("x")]
    assert (len(files), len(broken)) == (175, 14)
    for file in files:
        if file in broken:
            with pytest.raises(ImageError):
                decode(file.read_bytes(), LIMIT)
        else:
            assert_decoded_alike(file.read_bytes())
