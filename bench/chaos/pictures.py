"""PNG files built chunk by chunk: good ones of every kind, damaged ones, and large ones.

Format: W3C Portable Network Graphics (Third Edition), https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16),
         (6, 8), (6, 16)]  # colour type and bit depth  # fmt: skip
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # x, y, steps
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # for each pixel, by colour type
DAMAGES = (
    "checksum",
    "adler",
    "cut",
    "short",
    "filter",
    "bit",
    "second header",
    "critical chunk",
    "no palette",
    "type",
)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and its checksum."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def header(size: tuple[int, int] = (8, 8), bit_depth: int = 8, colour_type: int = 0, rest: bytes = bytes(3)) -> bytes:
    """An IHDR chunk of (width, height); `rest` is compression, filter and interlace."""
    return chunk(b"IHDR", struct.pack(">II", *size) + bytes((bit_depth, colour_type)) + rest)


def container(*chunks: bytes, size: tuple[int, int] = (8, 8), bit_depth: int = 8, colour_type: int = 0) -> bytes:
    """Signature, IHDR, the chunks, IEND."""
    return SIGNATURE + header(size, bit_depth, colour_type) + b"".join(chunks) + chunk(b"IEND", b"")


def make_rows(size: tuple[int, int], bit_depth: int, colour_type: int, random: Random) -> bytes:
    """Uncompressed rows of noise, each with a filter's byte."""
    row = (size[0] * SAMPLES[colour_type] * bit_depth + 7) // 8
    return b"".join(bytes([random.randrange(5)]) + random.randbytes(row) for _ in range(size[1]))


def flip(data: bytes, position: int) -> bytes:
    """The data with one bit changed."""
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def damage(kind: str, random: Random, size: tuple[int, int] = (28, 28)) -> bytes:
    """A file of a random colour type and depth that is damaged in one way."""
    colour_type, bit_depth = random.choice([pair for pair in KINDS if kind != "no palette" or pair[0] == 3])
    rows = make_rows(size, bit_depth, colour_type, random)
    if kind == "short":
        rows = rows[: len(rows) // 2]
    elif kind == "filter":
        rows = b"\x09" + rows[1:]
    packed = zlib.compress(rows, 1)
    pixels = chunk(b"IDAT", flip(packed, len(packed) - 1) if kind == "adler" else packed)
    palette = [chunk(b"PLTE", random.randbytes(3 * 2**bit_depth))] if colour_type == 3 and kind != "no palette" else []
    extra = {"second header": [header((13377, 13377), bit_depth, colour_type)], "critical chunk": [chunk(b"ABCD", b"")]}
    chunks = [*palette, *extra.get(kind, []), pixels]
    data = container(*chunks, size=size, bit_depth=bit_depth, colour_type=5 if kind == "type" else colour_type)
    if kind == "checksum":
        return flip(data, len(data) - 13)
    if kind == "bit":
        return flip(data, random.randrange(8, len(data) - 12))
    return data[: random.randrange(9, len(data) - 12)] if kind == "cut" else data


def damaged_files(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files, each kind of damage as often as the others."""
    random = Random(seed)
    for index in range(count):
        kind = DAMAGES[index % len(DAMAGES)]
        yield kind, damage(kind, random)


def flat(size: tuple[int, int], bit_depth: int = 8, colour_type: int = 0, broken: bool = False) -> bytes:
    """A PNG of (width, height) in one colour, or with a wrong Adler checksum; small as a file."""
    row = bytes(1 + (size[0] * SAMPLES[colour_type] * bit_depth + 7) // 8)
    compress = zlib.compressobj(9)
    packed = b"".join([*(compress.compress(row) for _ in range(size[1])), compress.flush()])
    pixels = chunk(b"IDAT", flip(packed, len(packed) - 1) if broken else packed)
    return container(pixels, size=size, bit_depth=bit_depth, colour_type=colour_type)


def interlaced(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of grey pixels (height, width) in the seven passes of Adam7."""
    passes = [pixels[y::step_y, x::step_x] for x, y, step_x, step_y in ADAM7]
    rows = b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)
    first = header(pixels.shape[::-1], rest=bytes((0, 0, 1)))
    return b"".join((SIGNATURE, first, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")))


def photo(side: int) -> bytes:
    """A PNG of side x side in RGB and alpha, as hard to inflate and to unfilter as a photograph with soft light."""
    draws = np.random.default_rng(0)
    light = Image.fromarray(draws.integers(0, 250, (16, 16, 4), np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    grain = np.tile(draws.random((256, 256, 4)) < 0.01, (side // 256 + 1, side // 256 + 1, 1)).astype(np.uint8)
    pixels = np.asarray(light) & 0xF8 | grain[:side, :side]
    rows = np.full((side, 1 + 4 * side), 2, np.uint8)  # each is filtered by the one above it
    rows[:, 1:] = np.diff(pixels, axis=0, prepend=np.zeros_like(pixels[:1])).reshape(side, -1)
    return container(chunk(b"IDAT", zlib.compress(rows.tobytes(), 3)), size=(side, side), colour_type=6)
