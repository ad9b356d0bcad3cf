"""Changes to a multipart body by the words that it is made of, and by whole parts."""

from __future__ import annotations

import random

from tests.fuzz.multipart_seeds import WORDS, multipart_seeds
from tests.fuzz.png_mutator import change_bytes

RENEWED = 0.3  # of the inputs are seeds again: libFuzzer likes odd ones, which once wrong would stay so
SEEDS = multipart_seeds()["made here"]


def mutate(data: bytes, max_bytes: int, rng: random.Random) -> bytes:
    """Another input of at most `max_bytes`: a word put in, instead of others or between them, or bytes changed."""
    if rng.random() < RENEWED:
        data = rng.choice(SEEDS)
    for _ in range(rng.choice((1, 1, 1, 3))):
        data = rng.choice((_put_word, _put_word, _change_parts, change_bytes))(rng, data)
    return data[:max_bytes]


def _put_word(rng: random.Random, data: bytes) -> bytes:
    start = rng.randint(0, len(data))
    return data[:start] + rng.choice(WORDS) + data[start + rng.choice((0, 0, 1, 2, 8)) :]


def _change_parts(rng: random.Random, data: bytes) -> bytes:
    """What stands between two boundaries left out, doubled or moved; the boundary is guessed from the Content-Type."""
    separator = b"\r\n--" + data.partition(b"\n")[0].rpartition(b"=")[2].strip(b'"')
    parts = data.split(separator)
    place = rng.randrange(len(parts))
    part = parts.pop(place)
    if rng.random() < 0.7:
        parts[place:place] = [part, part]
    elif rng.random() < 0.5:
        parts.insert(rng.randint(0, len(parts)), part)
    return separator.join(parts)
