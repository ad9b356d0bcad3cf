from __future__ import annotations

import math

import pytest

from bench.client import Answer
from bench.report import Tally, judge, percentile
from bench.upload import Upload

SEVEN = Upload("0-7.png", 7, b"")


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (1, 1.0), (50, 50.0), (90, 90.0), (99, 99.0), (99.5, 100.0), (100, 100.0)]
)
def test_percentile_of_a_hundred(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 101)], percent) == expected


def test_percentile_of_one_and_none() -> None:
    assert percentile([3.0], 99) == 3.0
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"cls": 7, "fn": "0-7.png"}', ("", "7")),
        (200, b'{"cls": "7", "fn": "0-7.png"}', ("", "7")),
        (200, b'{"cls": 1, "fn": "0-7.png"}', ("", "1")),
        (200, b'{"cls": 7, "fn": "1-2.png"}', ("answer to another file", "")),
        (200, b'["cls"]', ("not an answer", "")),
        (200, b"7", ("not an answer", "")),
        (200, b"\xff", ("not an answer", "")),
        (404, b'{"error": "no"}', ("status 404", "")),
        (503, b"", ("503: overloaded", "")),
        (0, b"reset", ("lost: reset", "")),
    ],
)
def test_judge(status: int, body: bytes, expected: tuple[str, str]) -> None:
    assert judge(Answer(SEVEN, status, body, 0.001)) == expected


def test_figures() -> None:
    tally = Tally()
    for latency_ms in (1, 2, 3, 4):
        tally.add(Answer(SEVEN, 200, b'{"cls": 7, "fn": "0-7.png"}', latency_ms / 1000))
    tally.add(Answer(SEVEN, 503, b"", 0.5))
    assert tally.figures(2.0) == {
        "answers": 4,
        "failed": 1,
        "accuracy": 1.0,
        "requests_per_s": 2.0,
        "p50_ms": 2.0,
        "p90_ms": 4.0,
        "p99_ms": 4.0,
        "errors": {"503: overloaded": 1},
    }


def test_figures_of_nothing() -> None:
    assert Tally().figures(0.0) == {
        "answers": 0,
        "failed": 0,
        "accuracy": None,
        "requests_per_s": 0.0,
        "p50_ms": None,
        "p90_ms": None,
        "p99_ms": None,
        "errors": {},
    }
