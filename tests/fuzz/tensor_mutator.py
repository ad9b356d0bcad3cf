"""Changes to a request for inference by the words that it is made of."""

from __future__ import annotations

import random

from tests.fuzz.multipart_mutator import RENEWED
from tests.fuzz.png_mutator import change_bytes
from tests.fuzz.tensor_seeds import WORDS, tensor_seeds

SEEDS = tensor_seeds()["made here"]
MENDED = 0.8  # of the inputs whose header has a length get the right one


def mutate(data: bytes, max_bytes: int, rng: random.Random) -> bytes:
    """Another input of at most `max_bytes`: a word put in, instead of others or between them, or bytes changed."""
    if rng.random() < RENEWED:
        data = rng.choice(SEEDS)
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = rng.choice((_put_word, _put_word, _swap_word, change_bytes))(rng, data)
    return _mend_length(rng, data)[:max_bytes]


def _put_word(rng: random.Random, data: bytes) -> bytes:
    start = rng.randint(0, len(data))
    return data[:start] + rng.choice(WORDS) + data[start + rng.choice((0, 0, 1, 2, 8)) :]


def _swap_word(rng: random.Random, data: bytes) -> bytes:
    """One word that is there for another."""
    there = [word for word in WORDS if word in data]
    if not there:
        return data
    word = rng.choice(there)
    starts = [start for start in range(len(data)) if data.startswith(word, start)]
    start = rng.choice(starts)
    return data[:start] + rng.choice(WORDS) + data[start + len(word) :]


def _mend_length(rng: random.Random, data: bytes) -> bytes:
    length, newline, body = data.partition(b"\n")
    if length not in (b"", b"0") and newline and rng.random() < MENDED:
        return b"%d\n%b" % (body.rfind(b"}") + 1, body)
    return data
