"""The soak sees what it is there for: a wrong answer, a lost one, a miscount, a leak."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bench.chaos.book import Book, Series, read_series
from bench.chaos.crowd import Crowd
from bench.chaos.goals import Finding
from bench.chaos.kinds import CONNECTIONS, SHARES, Mix
from bench.chaos.traffic import Ask, Expected, Leaving, good, write_class
from bench.chaos.verdict import NOISE_MB, judge_answers, judge_counts, judge_memory
from bench.chaos.vitals import Sample, take
from bench.server import ROOT

RIGHT = b'{"cls":7,"fn":"0-7.png"}'
EXPECTED = good(write_class("0-7.png"))
ASK = Ask("digit", (b"?",), (EXPECTED,))
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b"


def missed(findings: Iterator[Finding]) -> list[str]:
    return [f"{finding.what}: {finding.value}" for finding in findings if not finding.met]


def soak(answers: list[bytes], ask: Ask) -> Book:
    """What the clients see of a server that gives these bytes, in a turn of their own each, then ends."""
    book = Book()

    async def run() -> None:
        over = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                await reader.read(1)
                crowd.stopped = True
                for piece in answers:
                    writer.write(piece)
                    await asyncio.sleep(0.01)
            writer.close()
            over.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        crowd = Crowd(server.sockets[0].getsockname()[1], book)
        await crowd.run([itertools.repeat(ask)])
        await over.wait()
        server.close()

    asyncio.run(run())
    return book


@pytest.mark.parametrize(
    ("answers", "wrong", "lost"),
    [
        ([OK % (24, RIGHT)], 0, 0),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK[:20], OK[20:] % (24, RIGHT[:9]), RIGHT[9:]], 0, 0),
        ([OK % (24, RIGHT.replace(b"7", b"8", 1))], 1, 0),
        ([OK % (24, RIGHT.replace(b"0-7", b"1-2"))], 1, 0),
        ([b"HTTP/1.1 500 Error\r\ncontent-length: 2\r\n\r\n{}"], 1, 0),
        ([OK % (24, RIGHT) + OK % (24, RIGHT)], 1, 0),
        ([b"what\r\n\r\n"], 1, 0),
        ([], 0, 1),
        ([OK % (24, RIGHT[:9])], 0, 1),
    ],
)  # fmt: skip
def test_an_answer_that_is_wrong_or_missing_is_seen(answers: list[bytes], wrong: int, lost: int) -> None:
    book = soak(answers, ASK)
    assert (book.wrong.total(), book.lost.total(), book.kinds["digit"]) == (wrong, lost, 1)
    assert len(missed(judge_answers(book, ["digit"]))) == wrong + lost


def test_a_pipeline_has_all_its_answers_in_their_order() -> None:
    pipeline = Ask("pipeline", (b"?",), (EXPECTED, good(write_class("1-2.png"))))
    other = b'{"cls":2,"fn":"1-2.png"}'
    assert soak([OK % (24, RIGHT) + OK % (24, other)], pipeline).answers[Series("classify", "mnist", 200)] == 2
    assert soak([OK % (24, other) + OK % (24, RIGHT)], pipeline).wrong.total() == 2
    assert soak([OK % (24, RIGHT)], pipeline).lost.total() == 1


@pytest.mark.parametrize("leaving", [Leaving.CLOSE, Leaving.RESET])
def test_who_leaves_is_neither_answered_nor_lost(leaving: Leaving) -> None:
    book = soak([], ASK._replace(leaving=leaving))
    assert (book.left, book.answers.total(), book.lost.total()) == (1, 0, 0)


def test_a_kind_that_never_came_is_named() -> None:
    assert missed(judge_answers(Book(), ["digit"])) == ["of 1 kinds, the rarest was digit: 0"]


def test_the_mix_has_every_kind_in_its_share() -> None:
    mix = Mix()
    assert Counter(ask.kind for ask in mix.round) == SHARES
    assert set(mix.kinds) == SHARES.keys() | CONNECTIONS.keys()
    asked = [next(lane).kind for lane in mix.lanes(64)]
    assert Counter(kind for kind in asked if kind in CONNECTIONS) == CONNECTIONS


def counted(status_200: int, images: int, twin: int = 0, more: str = "") -> dict[str, float]:
    """The server's metrics."""
    series = {("classify", "mnist", 200): status_200, ("classify", "twin", 200): twin}
    named = {f'service_requests_total{{model="{m}",route="{r}",status="{s}"}}': n for (r, m, s), n in series.items()}
    return {**named, **({more: 1.0} if more else {}), 'service_images_total{model="mnist",version="1"}': images}


NONE: Counter[Series] = Counter()


def test_a_miscount_of_one_is_seen() -> None:
    book = Book()
    for _ in range(3):
        book.answer(ASK, 0, 200, RIGHT)
    assert missed(judge_counts(book, counted(3, 3), NONE)) == []
    assert missed(judge_counts(book, counted(4, 4), read_series(counted(1, 1)))) == [
        "images that got a class, as the server counts them: 4"
    ]
    assert missed(judge_counts(book, counted(2, 3), NONE)) == [
        "3 answers, by route, model and status: classify mnist 200: 2 for 3"
    ]
    more = 'service_requests_total{model="",route="input",status="499"}'
    assert missed(judge_counts(book, counted(3, 3, more=more), NONE)) == [
        "3 answers, by route, model and status: input  499: 1 for 0"
    ]


def test_the_answers_to_those_who_left_may_be_counted_or_not() -> None:
    book, asks_twin = Book(), ASK._replace(expected=(Expected("classify", "twin", EXPECTED.bodies, 1),))
    book.answer(asks_twin, 0, 200, RIGHT)
    for _ in range(2):
        book.leave(asks_twin, 0)
    assert [len(missed(judge_counts(book, counted(0, 0, twin), NONE))) for twin in range(5)] == [1, 0, 0, 0, 1]


def samples(mb_per_million: float, millions: float) -> list[Sample]:
    """A run whose memory grows, with noise."""
    seconds, more = range(100), mb_per_million * millions
    return [Sample(s, round(millions * 1e4 * s), 150 + s % 3 + more * s / 100, 38, 9) for s in seconds]


def test_a_leak_is_seen_as_far_as_the_noise_allows() -> None:
    assert missed(judge_memory(samples(0, 5))) == []
    assert missed(judge_memory(samples(8, 5))) == []
    assert len(missed(judge_memory(samples(12, 5)))) == 1  # by its slope
    assert len(missed(judge_memory(samples(20, 5)))) == 2
    assert missed(judge_memory(samples(12, 0.3))) == []
    assert len(missed(judge_memory(samples(NOISE_MB * 10, 0.3)))) == 1


def test_a_sample_is_of_the_processes_that_live() -> None:
    sample = take({os.getpid(), 2**22 + 1})
    assert sample.resident_mb > 1
    assert sample.descriptors > 2
    assert sample.threads > 0


def test_seconds_that_make_no_sense_are_one_sentence() -> None:
    command = [sys.executable, "-m", "bench", "chaos", "soak"]
    environment = {**os.environ, "SOAK_SECONDS": "ten"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "bench: SOAK_SECONDS is 'ten'; it must be a number of at least 10\n")
