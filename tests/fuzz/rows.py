"""Headers and rows of small pictures of every kind that the standard has."""

from __future__ import annotations

import random
import zlib
from typing import NamedTuple

from service.images import png
from tests.fuzz.chunks import Chunk

SAMPLES = {png.GREY: 1, png.RGB: 3, png.PALETTE: 1, png.GREY_ALPHA: 2, png.RGB_ALPHA: 4}  # for each pixel
# First column, first row and steps of the seven passes of an interlaced file.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
MAX_SIDE = 40  # pixels, of the pictures that are made here


class Header(NamedTuple):
    """The fields of an IHDR chunk."""

    width: int
    height: int
    bit_depth: int
    colour_type: int
    compression: int
    filtering: int
    interlace: int

    def chunk(self) -> Chunk:
        """The IHDR chunk."""
        return Chunk(b"IHDR", png.header_fields.pack(*self))


def read_header(chunks: list[Chunk]) -> Header | None:
    """The header of the first chunk, if it has one's length."""
    if not chunks or len(chunks[0].content) != png.header_fields.size:
        return None
    return Header(*png.header_fields.unpack(chunks[0].content))


def any_header(rng: random.Random) -> Header:
    """A header that the standard knows, of a small picture."""
    colour_type = rng.choice(list(png.BIT_DEPTHS))
    depth = rng.choice(png.BIT_DEPTHS[colour_type])
    return Header(rng.randint(1, MAX_SIDE), rng.randint(1, MAX_SIDE), depth, colour_type, 0, 0, rng.randint(0, 1))


def row_lengths(header: Header) -> list[int]:
    """Bytes of each row, its filter's included, pass by pass."""
    bits = header.bit_depth * SAMPLES[header.colour_type]
    lengths = []
    for x, y, step_x, step_y in ADAM7 if header.interlace else ((0, 0, 1, 1),):
        columns, count = -((x - header.width) // step_x), -((y - header.height) // step_y)
        lengths += [1 + (columns * bits + 7) // 8] * count if columns > 0 < count else []
    return lengths


def make_rows(rng: random.Random, header: Header, samples: bytes) -> bytes:
    """Rows of the right length and with filters that exist, of `samples` again and again."""
    rows, position = bytearray(), 0
    samples = samples or bytes(1)
    for length in row_lengths(header):
        repeated = samples[position:] + samples * (length // len(samples) + 1)
        rows += bytes((rng.choice((0, 0, 1, 2, 3, 4)),)) + repeated[: length - 1]
        position = (position + length) % len(samples)
    return bytes(rows)


def make_colours(rng: random.Random, header: Header) -> list[Chunk]:
    """The PLTE chunk that a palette picture needs, and now and then a tRNS chunk that fits the kind."""
    chunks, colours = [], rng.choice((1, 2, 2**header.bit_depth)) if header.bit_depth <= 8 else 1
    if header.colour_type == png.PALETTE:
        colours = min(colours, 2**header.bit_depth)
        chunks.append(Chunk(b"PLTE", rng.randbytes(3 * colours)))
    sizes = {png.GREY: 2, png.RGB: 6, png.PALETTE: rng.randint(1, colours)}
    if header.colour_type in sizes and rng.random() < 0.4:
        chunks.append(Chunk(b"tRNS", bytes(rng.choice((0, 0, 1, 255)) for _ in range(sizes[header.colour_type]))))
    return chunks


def make_picture(rng: random.Random, samples: bytes, header: Header | None = None) -> list[Chunk]:
    """The chunks of a picture that every decoder must take."""
    header = header or any_header(rng)
    stream = zlib.compress(make_rows(rng, header, samples), 1)
    pixels = [Chunk(b"IDAT", stream), Chunk(b"IEND", b"")]
    return [header.chunk(), *make_colours(rng, header), *pixels]
