"""What the mutators make: other inputs within their bounds, the same ones for the same seed, and many good pictures."""

from __future__ import annotations

import random
import zlib

import pytest

from service.images.decoding import decode
from tests.fuzz import chunks, rows
from tests.fuzz.png_seeds import made_here
from tests.fuzz.targets import FUZZED
from tests.service.images.containers import chunk, container


@pytest.mark.parametrize("name", FUZZED)
def test_a_seed_gives_one_input_within_its_bound(name: str) -> None:
    fuzzed = FUZZED[name]
    seeds = fuzzed.seeds()["made here"]
    for number, data in enumerate(seeds * 20):
        mutated = fuzzed.mutate(data, 300, random.Random(number))
        assert mutated == fuzzed.mutate(data, 300, random.Random(number))
        assert len(mutated) <= 300


def test_made_pictures_are_good() -> None:
    for seed in range(500):
        picture = rows.make_picture(random.Random(seed), bytes(range(200)))
        header = rows.read_header(picture)
        assert header is not None
        assert decode(chunks.join(picture), 10_000).shape[:2] == (header.height, header.width)


def test_a_png_is_split_and_joined_again() -> None:
    for data in made_here()[:-1]:
        assert chunks.join(chunks.split(data)) == data
    assert chunks.split(b"text") == []
    assert len(chunks.split(made_here()[0][:50])) == 2


def test_the_adler_sum_is_repaired() -> None:
    stream = zlib.compress(bytes(72))
    damaged = stream[:-4] + b"abcd"
    assert chunks.repair_adler(damaged) == stream
    assert chunks.inflate(damaged) == bytes(72)
    assert decode(container(chunk(b"IDAT", chunks.repair_adler(damaged))), 100).shape == (8, 8, 1)


def test_a_stream_is_cut_into_chunks_at_its_place() -> None:
    picture = [chunks.Chunk(kind, b"") for kind in (b"IHDR", b"IDAT", b"tEXt", b"IDAT", b"IEND")]
    cut = chunks.with_stream(picture, b"abcd", [1, 1])
    assert [content for _, content in cut] == [b"", b"a", b"", b"bcd", b"", b""]
    assert [kind for kind, _ in cut] == [b"IHDR", b"IDAT", b"IDAT", b"IDAT", b"tEXt", b"IEND"]
