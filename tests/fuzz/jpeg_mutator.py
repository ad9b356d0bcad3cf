"""Changes to a JPEG that keep enough of its structure to reach the decoder: its segments, fields and codes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from service.images import jpeg
from tests.fuzz.photo_seeds import make_picture
from tests.fuzz.png_mutator import change_bytes
from tests.service.images.segments import END, START, segment

DAMAGED = 0.1  # of the files are changed once more when their lengths have been made
RENEWED = 0.25  # of the files are made anew first
CODES = (0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xCC, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE)
WORDS = [bytes((0xFF, code)) for code in CODES] + [b"Exif\x00\x00", b"Adobe", b"JFIF\x00", b"II*\x00", b"MM\x00*"]
SIDES = (0, 1, 2, 7, 8, 9, 255, 1000, 1001, 65500, 65535)


class Segment(NamedTuple):
    """One segment, and behind a scan's its compressed pixels."""

    code: int
    content: bytes
    pixels: bytes = b""


Segments = list[Segment]


def mutate(data: bytes, max_bytes: int, rng: random.Random) -> bytes:
    """Another file of at most `max_bytes`; of bytes that are no JPEG, other bytes."""
    if rng.random() < RENEWED:
        data = make_picture(rng, "JPEG")
    segments = split(data)
    if not segments:
        return change_bytes(rng, data)[:max_bytes]
    for operation in rng.choices(list(OPERATIONS), list(OPERATIONS.values()), k=rng.choice((1, 1, 1, 2, 4))):
        segments = operation(rng, segments)
    changed = join(segments)
    if rng.random() < DAMAGED:
        changed = change_bytes(rng, changed)
    return changed if len(changed) <= max_bytes else data[:max_bytes]


def split(data: bytes) -> Segments:
    """The segments of `data` up to its end, as far as it has them; none, if it does not start like a JPEG."""
    if data[:3] != jpeg.SIGNATURE:
        return []
    segments, start = [], 2
    while start + 4 <= len(data) and data[start] == 0xFF and data[start + 1] != jpeg.END_OF_IMAGE:
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        found = jpeg.next_marker.search(data, end) if data[start + 1] == jpeg.START_OF_SCAN else None
        pixels_end = found.start() if found else end
        segments.append(Segment(data[start + 1], data[start + 4 : end], data[end:pixels_end]))
        start = max(pixels_end, start + 4)
    return segments


def join(segments: Segments) -> bytes:
    """The file that these segments make; each length is right."""
    pieces = (segment(code, content[:65533]) + pixels for code, content, pixels in segments)
    return START + b"".join(pieces) + END


def _change_content(rng: random.Random, segments: Segments) -> Segments:
    return _replace(rng, segments, lambda one: one._replace(content=change_bytes(rng, one.content)))


def _change_pixels(rng: random.Random, segments: Segments) -> Segments:
    """Of a scan: bytes that begin a marker are kept from doing so."""
    places = [place for place, one in enumerate(segments) if one.pixels]
    if not places:
        return segments
    place = rng.choice(places)
    pixels = (
        change_bytes(rng, segments[place].pixels).replace(b"\xff", b"\xff\x00").replace(b"\xff\x00\x00", b"\xff\x00")
    )
    return [*segments[:place], segments[place]._replace(pixels=pixels), *segments[place + 1 :]]


def _rename(rng: random.Random, segments: Segments) -> Segments:
    return _replace(rng, segments, lambda one: one._replace(code=rng.choice(CODES)))


def _change_frame(rng: random.Random, segments: Segments) -> Segments:
    """Bits, a side, or one byte of what the header says of the components."""
    changed = []
    for one in segments:
        content = bytearray(one.content)
        if one.code in jpeg.FRAMES and len(content) > 6:
            place = rng.randrange(len(content))
            if place in (1, 2, 3, 4):
                start = 1 if place < 3 else 3
                content[start : start + 2] = rng.choice((*SIDES, rng.randrange(1, 70))).to_bytes(2)
            else:
                content[place] = rng.choice((0, 1, 2, 3, 4, 0x11, 0x12, 0x21, 0x22, 0x41, 0x44, 255))
        changed.append(one._replace(content=bytes(content)))
    return changed


def _insert(rng: random.Random, segments: Segments) -> Segments:
    place = rng.randint(0, len(segments))
    return [*segments[:place], Segment(rng.choice(CODES), rng.randbytes(rng.choice((0, 1, 6, 20)))), *segments[place:]]


def _delete(rng: random.Random, segments: Segments) -> Segments:
    place = rng.randrange(len(segments)) if segments else 0
    return segments[:place] + segments[place + 1 :]


def _repeat(rng: random.Random, segments: Segments) -> Segments:
    place = rng.randint(0, len(segments))
    return segments[:place] + segments[place : place + 1] * rng.choice((1, 2, 70)) + segments[place:]


def _move(rng: random.Random, segments: Segments) -> Segments:
    return rng.sample(segments, len(segments))


def _mix(rng: random.Random, segments: Segments) -> Segments:
    """Its first half, and another file's second one."""
    other = split(make_picture(rng, "JPEG"))
    return segments[: rng.randint(0, len(segments))] + other[rng.randint(0, len(other)) :]


def _replace(rng: random.Random, segments: Segments, change: Callable[[Segment], Segment]) -> Segments:
    place = rng.randint(0, len(segments))
    return segments[:place] + [change(one) for one in segments[place : place + 1]] + segments[place + 1 :]


OPERATIONS: dict[Callable[[random.Random, Segments], Segments], int] = {  # with their weights
    _change_pixels: 6,
    _change_content: 4,
    _change_frame: 3,
    _repeat: 2,
    _mix: 2,
    _insert: 1,
    _delete: 1,
    _move: 1,
    _rename: 1,
}
