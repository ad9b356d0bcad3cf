"""Changes to a WebP that keep enough of its structure to reach the decoder: its chunks, sizes and codes."""

from __future__ import annotations

import random
from collections.abc import Callable

from service.images import webp
from tests.fuzz.photo_seeds import make_picture
from tests.fuzz.png_mutator import change_bytes
from tests.service.images.test_webp import chunk, riff

DAMAGED = 0.1  # of the files are changed once more when their lengths have been made
RENEWED = 0.25  # of the files are made anew first
NAMES = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"XMP ", b"ICCP", b"abcd")
WORDS = [*NAMES, b"RIFF", b"WEBP", webp.START_CODE, b"\x2f"]
Chunks = list[tuple[bytes, bytes]]  # each with its name and its content


def mutate(data: bytes, max_bytes: int, rng: random.Random) -> bytes:
    """Another file of at most `max_bytes`; of bytes that are no WebP, other bytes."""
    if rng.random() < RENEWED:
        data = make_picture(rng, "WEBP")
    chunks = split(data[12:]) if data[:4] == webp.RIFF else []
    if not chunks:
        return change_bytes(rng, data)[:max_bytes]
    for operation in rng.choices(list(OPERATIONS), list(OPERATIONS.values()), k=rng.choice((1, 1, 1, 2, 4))):
        chunks = operation(rng, chunks)
    changed = riff(*(chunk(name, content) for name, content in chunks))
    if rng.random() < DAMAGED:
        changed = change_bytes(rng, changed)
    return changed if len(changed) <= max_bytes else data[:max_bytes]


def split(data: bytes) -> Chunks:
    """The chunks of `data`, as far as it has them."""
    chunks, start = [], 0
    while start + 8 <= len(data):
        name, length = webp.chunk_fields.unpack_from(data, start)
        chunks.append((name, data[start + 8 : start + 8 + length]))
        start += 8 + length + length % 2
    return chunks


def _change_content(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    changed = [(name, change_bytes(rng, content)) for name, content in chunks[place : place + 1]]
    return chunks[:place] + changed + chunks[place + 1 :]


def _change_pixels(rng: random.Random, chunks: Chunks) -> Chunks:
    """Bytes of a picture or of its alpha, behind its header."""
    changed = []
    for name, content in chunks:
        if name == webp.FRAME:
            inner = _change_pixels(rng, split(content[webp.FRAME_BYTES :]))
            content = content[: webp.FRAME_BYTES] + b"".join(chunk(*one) for one in inner)
        elif name in (webp.LOSSY, webp.LOSSLESS, webp.ALPHA):
            header = {webp.LOSSY: 10, webp.LOSSLESS: 5}.get(name, 0)
            content = content[:header] + change_bytes(rng, content[header:])
        changed.append((name, content))
    return changed


def _change_header(rng: random.Random, chunks: Chunks) -> Chunks:
    """One of the bytes that hold flags, places and sizes."""
    place = rng.randint(0, len(chunks))
    changed = []
    for name, content in chunks[place : place + 1]:
        fields = bytearray(content)
        if fields:
            at = rng.randrange(min(len(fields), 16))
            fields[at] = rng.choice((0, 1, 2, 0x10, 0x12, fields[at] ^ 1, fields[at] ^ 0x40, 255))
        changed.append((name, bytes(fields)))
    return chunks[:place] + changed + chunks[place + 1 :]


def _rename(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return (
        chunks[:place]
        + [(rng.choice(NAMES), content) for _, content in chunks[place : place + 1]]
        + chunks[place + 1 :]
    )


def _insert(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return [*chunks[:place], (rng.choice(NAMES), rng.randbytes(rng.choice((0, 1, 10, 16, 30)))), *chunks[place:]]


def _delete(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return chunks[:place] + chunks[place + 1 :]


def _repeat(rng: random.Random, chunks: Chunks) -> Chunks:
    place = rng.randint(0, len(chunks))
    return chunks[: place + 1] + chunks[place:]


def _move(rng: random.Random, chunks: Chunks) -> Chunks:
    return rng.sample(chunks, len(chunks))


def _mix(rng: random.Random, chunks: Chunks) -> Chunks:
    """Its first half, and another file's second one."""
    other = split(make_picture(rng, "WEBP")[12:])
    return chunks[: rng.randint(0, len(chunks))] + other[rng.randint(0, len(other)) :]


OPERATIONS: dict[Callable[[random.Random, Chunks], Chunks], int] = {  # with their weights
    _change_pixels: 8,
    _change_content: 3,
    _change_header: 3,
    _mix: 1,
    _insert: 1,
    _delete: 1,
    _repeat: 1,
    _move: 1,
    _rename: 1,
}
