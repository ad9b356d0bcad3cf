from __future__ import annotations

import itertools
import re
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import png as pypng
import pytest
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images.decoding import decode
from tests.service.conftest import png_bytes
from tests.service.images.containers import chunk, container

LIMIT = 1_000_000
KINDS = [
    ({"greyscale": True}, (1, 2, 4, 8, 16)),
    ({"greyscale": False}, (8, 16)),
    ({"greyscale": True, "alpha": True}, (8, 16)),
    ({"greyscale": False, "alpha": True}, (8, 16)),
]


def reference(data: bytes) -> NDArray[np.int64]:
    """Pixels (H, W, C) scaled to 8 bits by pypng, which shares no code with libpng; grey with alpha as RGBA."""
    width, height, rows, info = pypng.Reader(bytes=data).asDirect()
    samples = np.array([list(row) for row in rows], np.int64).reshape(height, width, -1)
    # An sBIT chunk makes pypng give the significant bits only.
    scaled: NDArray[np.int64] = np.rint(samples * 255 / (2 ** info["bitdepth"] - 1)).astype(np.int64)
    return scaled[:, :, [0, 0, 0, 1]] if scaled.shape[2] == 2 else scaled


def assert_decoded_alike(data: bytes) -> None:
    pixels, expected = decode(data, LIMIT), reference(data)
    assert str(pixels.dtype) == "uint8"
    assert pixels.shape == expected.shape
    assert np.array_equal(pixels, expected)


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
    assert np.array_equal(decode(buffer.getvalue(), LIMIT)[0, :, 3] == 0, samples == transparent)


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
        with pytest.raises(ImageError, match=r"truncated|empty|unknown format|first 8 bytes are damaged"):
            decode(data[:length], LIMIT)


def test_a_file_of_many_chunks_and_with_text_is_decoded_alike() -> None:
    """Text and animation chunks never reach the decoder; one that would unpack to 100 MB is dropped with its bytes."""
    rows = zlib.compress(bytes((index * 7) % 256 if index % 9 else 4 for index in range(9 * 8)))
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(100_000_000)))
    animation = chunk(b"acTL", bytes(8)) + chunk(b"fcTL", bytes(26))
    pieces = [rows[start : start + 5] for start in range(0, len(rows), 5)]
    plain = container(chunk(b"IDAT", rows))
    assert np.array_equal(decode(plain, LIMIT), reference(plain))
    for parts in ([bomb, *(chunk(b"IDAT", piece) for piece in pieces)], [animation, chunk(b"IDAT", rows), animation]):
        assert np.array_equal(decode(container(*parts), LIMIT), reference(plain))


def test_what_a_view_holds_is_decoded_like_bytes() -> None:
    data = png_bytes(np.arange(64, dtype=np.uint8).reshape(8, 8))
    for other in (bytearray(data), memoryview(data)):
        assert np.array_equal(decode(other, LIMIT), decode(data, LIMIT))


def test_a_palette_index_out_of_range_is_black() -> None:
    """As in browsers: libpng makes the missing colours black."""
    palette = chunk(b"PLTE", bytes([9, 8, 7]))
    data = container(palette, chunk(b"IDAT", zlib.compress(bytes([0, 0, 1, 255] * 1))), size=(3, 1), colour_type=3)
    assert decode(data, LIMIT).tolist() == [[[9, 8, 7], [0, 0, 0], [0, 0, 0]]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_whole_pngsuite(pngsuite: Path) -> None:
    files = sorted(pngsuite.glob("*.png"))
    broken = [file for file in files if file.name.startswith("x")]
    assert (len(files), len(broken)) == (175, 14)
    for file in files:
        if file in broken:
            with pytest.raises(ImageError) as caught:
                decode(file.read_bytes(), LIMIT)
            assert not re.search(r"b'|\\x", str(caught.value))
        else:
            assert_decoded_alike(file.read_bytes())


def test_nothing_that_a_stranger_sends_is_printed() -> None:
    """libpng would print a line for each damaged file to the server's log; what Python prints still arrives."""
    code = (
        "import sys; from service.images.decoding import decode; from service.errors import ImageError\n"
        "try: decode(sys.stdin.buffer.read(), 100)\n"
        "except ImageError: print('refused', file=sys.stderr)"
    )
    damaged = bytearray(png_bytes(np.zeros((8, 8), np.uint8)))
    damaged[50] ^= 1
    done = subprocess.run([sys.executable, "-c", code], input=bytes(damaged), capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"refused\n")


@pytest.mark.parametrize("kind", ["checksum", "adler", "short", "filter"])
def test_damage_leaks_nothing(kind: str) -> None:
    """An array of 16 MB would be kept each time, and a reference to None be lost, by a decoder that forgets them."""
    rows = bytearray(b"".join(b"\x00" + bytes(4 * 2000) for _ in range(2000)))
    rows[-8001] = 9 if kind == "filter" else 0
    compressed = zlib.compress(bytes(rows[:-1] if kind == "short" else rows), 1)
    if kind == "adler":
        compressed = compressed[:-1] + bytes([compressed[-1] ^ 1])
    part = bytearray(chunk(b"IDAT", compressed))
    part[-1] ^= kind == "checksum"
    data = container(bytes(part), size=(2000, 2000), colour_type=6)

    def refuse(times: int) -> None:
        for _ in range(times):
            with pytest.raises(ImageError):
                decode(data, 2000 * 2000)

    refuse(3)
    memory, references = resident_bytes(), sys.getrefcount(None)
    refuse(20)
    assert resident_bytes() - memory < 40_000_000
    if sys.version_info < (3, 12):  # later on it is immortal, and the number says nothing
        assert abs(sys.getrefcount(None) - references) < 10


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
