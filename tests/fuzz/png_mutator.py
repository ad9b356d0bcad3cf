"""Changes to a PNG that keep enough of its structure to reach the pixel decoder.

Bytes that are changed at random are refused by the first checksum. Here chunks, header fields, rows and the compressed
stream are changed, and checksums and the Adler sum are made anew: all but DAMAGED of the time.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

from tests.fuzz import chunks as png_chunks
from tests.fuzz import rows
from tests.fuzz.chunks import Chunk

Chunks = list[Chunk]
DAMAGED = 0.08  # of the files are changed once more when their checksums have been made
RENEWED = 0.3  # of the files are made right first: libFuzzer likes odd ones, which once wrong would stay so
KINDS = [*b"IHDR PLTE tRNS IDAT IEND gAMA sBIT bKGD hIST tEXt zTXt iTXt iCCP eXIf pHYs sPLT".split()]
KINDS += [*b"tIME acTL fcTL fdAT abCd ABCD".split(), b"\x00\xffCD"]
LENGTHS = (0, 1, 2, 3, 4, 6, 8, 13, 26, 48, 768)  # of a new chunk's content
SIDES = (0, 1, 2, 7, 8, 9, 28, 29, 255, 1000, 1001, 65536, 1_000_000, 1_000_001, 2**31 - 1, 2**31, 2**32 - 1)
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)


def mutate(data: bytes, max_bytes: int, rng: random.Random) -> bytes:
    """Another file of at most `max_bytes`; of bytes that are no PNG, other bytes."""
    chunks = png_chunks.split(data)
    if rng.random() < RENEWED:
        chunks = _new_kind(rng, chunks)
    elif not chunks:
        return change_bytes(rng, data)[:max_bytes]
    for operation in rng.choices(list(OPERATIONS), list(OPERATIONS.values()), k=rng.choice((1, 1, 1, 2, 4))):
        chunks = operation(rng, chunks)
    changed = png_chunks.join(chunks)
    if rng.random() < DAMAGED:
        changed = change_bytes(rng, changed)
    return changed if len(changed) <= max_bytes else data[:max_bytes]


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    """One run of bytes changed, left out, put in or repeated; the end cut off now and then."""
    start = rng.randint(0, len(data))
    run = data[start : start + rng.choice((1, 1, 2, 4, 8, 16, 64))]
    bit = bytes((run[0] ^ 1 << rng.randint(0, 7),)) + run[1:] if run else b"\x00"
    noise = rng.randbytes(max(1, len(run)))
    new = rng.choice((bit, bit, b"", b"\xff" * len(run), run * 2, run * 40, run + noise, noise))
    return data[:start] + new + (data[start + len(run) :] if rng.random() < 0.97 else b"")


def _change_content(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    changed = [Chunk(kind, change_bytes(rng, content)) for kind, content in chunks[place : place + 1]]
    return chunks[:place] + changed + chunks[place + 1 :]


def _insert(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return [*chunks[:place], Chunk(rng.choice(KINDS), rng.randbytes(rng.choice(LENGTHS))), *chunks[place:]]


def _delete(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return chunks[:place] + chunks[place + 1 :]


def _duplicate(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return chunks[: place + 1] + chunks[place:]


def _move(rng: random.Random, chunks: Chunks) -> Chunks:
    return rng.sample(chunks, len(chunks)) if rng.random() < 0.2 else _swap(rng, chunks)


def _swap(rng: random.Random, chunks: Chunks) -> Chunks:
    if len(chunks) < 3:
        return chunks
    place = rng.randint(1, len(chunks) - 2)
    return [*chunks[:place], chunks[place + 1], chunks[place], *chunks[place + 2 :]]


def _rename(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    renamed = [Chunk(rng.choice(KINDS), content) for _, content in chunks[place : place + 1]]
    return chunks[:place] + renamed + chunks[place + 1 :]


def _change_header(rng: random.Random, chunks: Chunks) -> Chunks:
    """One field of the header; the rows stay, so that they are too few or too many."""
    header = rows.read_header(chunks)
    if header is None:
        return chunks
    field = rng.choice(header._fields)
    near = (getattr(header, field) + rng.choice((-1, 1))) % 2**32
    side = rng.choice((near, rng.randint(1, rows.MAX_SIDE), rng.choice(SIDES)))
    small = rng.choice((0, 0, 1, 2, 3, 4, 6, 8, 16, 255))
    changed = header._replace(**{field: side if field in ("width", "height") else small})
    return [changed.chunk(), *chunks[1:]]


def _change_rows(rng: random.Random, chunks: Chunks) -> Chunks:
    unpacked = png_chunks.inflate(png_chunks.pixel_stream(chunks))
    if len(unpacked) == png_chunks.MAX_INFLATED:
        return chunks
    return _with_rows(rng, chunks, change_bytes(rng, unpacked))


def _with_rows(rng: random.Random, chunks: Chunks, unpacked: bytes) -> Chunks:
    """The chunks with these rows, compressed in one of deflate's ways, with a window that may be too small for them."""
    packer = zlib.compressobj(rng.choice((0, 1, 6)), wbits=rng.randint(9, 15), strategy=rng.choice(STRATEGIES))
    return _recut(rng, png_chunks.with_stream(chunks, packer.compress(unpacked) + packer.flush(), []))


def _change_stream(rng: random.Random, chunks: Chunks) -> Chunks:
    """Bits of the compressed data, with the Adler sum of what they unpack to."""
    stream = png_chunks.repair_adler(change_bytes(rng, png_chunks.pixel_stream(chunks)))
    return png_chunks.with_stream(chunks, stream, [])


def _recut(rng: random.Random, chunks: Chunks) -> Chunks:
    """The same stream in one chunk or several, empty ones among them."""
    stream = png_chunks.pixel_stream(chunks)
    cuts = [rng.randint(0, len(stream)) for _ in range(rng.choice((0, 0, 0, 1, 2, 9)))]
    return png_chunks.with_stream(chunks, stream, cuts)


def _new_kind(rng: random.Random, chunks: Chunks) -> Chunks:
    """A picture of any kind of the standard, which is right; of the samples that there are."""
    return rows.make_picture(rng, png_chunks.inflate(png_chunks.pixel_stream(chunks)) or rng.randbytes(50))


OPERATIONS: dict[Callable[[random.Random, Chunks], Chunks], int] = {  # with their weights
    _change_rows: 6,
    _change_stream: 4,
    _change_header: 4,
    _new_kind: 4,
    _recut: 2,
    _change_content: 2,
    _insert: 2,
    _delete: 1,
    _duplicate: 1,
    _move: 1,
    _rename: 1,
}
