"""References, objects and memory that a check does not give back.

Two ways, because each sees what the other cannot: `watched` looks at the references to None around every input while
fuzzing; `grow` repeats the same inputs outside of libFuzzer, whose corpus grows in memory, and so can look at objects
and at the process's memory, too.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

Check = Callable[[bytes], object]
REPEATS = 10  # of an input after which there were more or fewer references to None than before
ROUNDS = 50  # of all inputs, in one attempt
ATTEMPTS = 6  # until nothing grows any more, as a rule in the second
MAX_MEMORY = 1_000_000  # bytes; without a leak, many at first and at most 20,000 later
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Usage(NamedTuple):
    """What is in use, or its growth."""

    nones: int  # references to None; 0 where they are not counted
    objects: int  # blocks that Python has allocated
    memory: int  # bytes that are resident


def count_nones() -> int:
    """References to None; 0 from Python 3.12 on: None is immortal, and its count means nothing."""
    return sys.getrefcount(None) if sys.version_info < (3, 12) else 0


def measure() -> Usage:
    """What is in use, without garbage."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Usage(count_nones(), sys.getallocatedblocks(), pages * PAGE)


def watched(check: Check) -> Check:
    """The same check, which raises an AssertionError when an input changes the number of references to None."""

    def watch(data: bytes) -> object:
        before = count_nones()
        result = check(data)
        if count_nones() != before:
            assert_steady(check, data)
        return result

    return watch


def assert_steady(check: Check, data: bytes) -> None:
    """One reference more or fewer is chance; one for each time is not."""
    gc.collect()
    before = count_nones()
    for _ in range(REPEATS):
        check(data)
    gc.collect()
    change = count_nones() - before
    assert abs(change) < REPEATS, f"{change:+} references to None after {REPEATS} times the same input"


def grow(check: Check, inputs: Sequence[bytes]) -> Usage:
    """How much more is in use after ROUNDS of all inputs than before: caches grow at first, a leak each time."""
    for _ in range(ATTEMPTS):
        before = measure()
        for _ in range(ROUNDS):
            for data in inputs:
                check(data)
        growth = Usage(*(after - start for after, start in zip(measure(), before, strict=True)))
        if not is_leak(growth):
            break
    return growth


def is_leak(growth: Usage) -> bool:
    """Whether at least one input leaks a reference or an object each time, or memory is lost."""
    return abs(growth.nones) >= ROUNDS or growth.objects >= ROUNDS or growth.memory >= MAX_MEMORY


def find_leaking(check: Check, inputs: Sequence[bytes]) -> bytes | None:
    """The first input that leaks by itself, repeated so often that lost memory shows, too."""
    return next((data for data in inputs if is_leak(grow(check, [data] * 20))), None)
