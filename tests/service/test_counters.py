from __future__ import annotations

import time

import pytest

from service import counters
from service.counters import CELLS, GAUGE, READY, REGION_BYTES, Counters, StatusCounts


def page(regions: int) -> memoryview:
    return memoryview(bytearray(regions * REGION_BYTES))


def test_counts_of_all_workers_are_added_up_by_name() -> None:
    shared = page(3)
    one, other = Counters(shared, 0), Counters(shared, 2)
    one.add(1, "requests", "classify", "mnist", "200")
    other.add(5, "images", "ä model")
    other.add(2, "requests", "classify", "mnist", "200")
    expected = {("requests", "classify", "mnist", "200"): 3, ("images", "ä model"): 5}
    assert one.totals() == other.totals() == expected


def test_a_region_keeps_its_counts_for_the_next_worker_but_not_what_was_a_state() -> None:
    shared = page(2)
    first = Counters(shared, 0)
    first.add(7, "images", "a")
    first.add(3, f"{GAUGE}waiting", "a")
    counters.leave(shared, 0)
    assert Counters(shared, 1).totals() == {("images", "a"): 7}
    second = Counters(shared, 0)
    second.add(1, "images", "a")
    assert second.totals() == {("images", "a"): 8, (f"{GAUGE}waiting", "a"): 0}


def test_a_worker_that_does_not_beat_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = page(2)
    one = Counters(shared, 0)
    one.enter(READY)
    assert [(worker.phase, worker.responds) for worker in one.workers()] == [(READY, True)]
    now = time.monotonic_ns()
    monkeypatch.setattr(time, "monotonic_ns", lambda: now + 4_000_000_000)
    assert not one.responds
    other = Counters(shared, 1)
    assert [worker.responds for worker in other.workers()] == [False, True]


def test_what_has_no_room_is_counted_together() -> None:
    crowded = Counters()
    for number in range(CELLS + 10):
        crowded.add(1, "requests", str(number))
    assert sum(crowded.values) == CELLS + 10
    assert len(crowded.totals()) == CELLS - 1


def test_answers_are_counted_by_status() -> None:
    counts = Counters()
    answers = StatusCounts(counts, "classify", "mnist")
    for status in (200, 404, 200, 413):
        answers.add(status)
    found = {status: count for (_, _, _, status), count in counts.totals().items()}
    assert found == {"200": 2, "404": 1, "413": 1, "500": 0, "503": 0}


def test_the_service_is_ready_when_as_many_workers_are_as_there_should_be() -> None:
    shared = page(4)
    one, other = Counters(shared, 0, wanted=2), Counters(shared, 1, wanted=2)
    assert not one.are_ready
    one.enter(READY)
    assert not one.are_ready
    other.enter(READY)
    assert one.are_ready
    Counters(shared, 2, wanted=2)  # a successor that has begun
    assert one.are_ready


def test_what_has_no_room_is_told_by_nobody() -> None:
    """So nobody waits for the others' word on it."""
    counters = Counters()
    counters.enter(READY)
    counters.values[counters.cell("a")] = 7
    assert counters.each("a") == [7]
    for number in range(CELLS):
        counters.cell(str(number))
    assert counters.each("a") == [7]
    assert counters.each("b") == []
