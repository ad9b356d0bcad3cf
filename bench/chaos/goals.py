"""What a trial found, beside what was wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Finding(NamedTuple):
    """One figure and its goal."""

    what: str
    value: str
    goal: str
    met: bool
    timed: bool = False  # whether a machine that does other work misses it, too


def at_most(what: str, value: float, goal: float, unit: str = "", *, timed: bool = False) -> Finding:
    """A finding that is good when it is small."""
    return Finding(what, f"{value:,.4g} {unit}".strip(), f"≤ {goal:,.4g} {unit}".strip(), value <= goal, timed)


def at_least(what: str, value: float, goal: float, unit: str = "", *, timed: bool = False) -> Finding:
    """A finding that is good when it is large."""
    return Finding(what, f"{value:,.4g} {unit}".strip(), f"≥ {goal:,.4g} {unit}".strip(), value >= goal, timed)


def exactly(what: str, value: object, goal: object) -> Finding:
    """A finding that must be as it is."""
    return Finding(what, str(value), str(goal), value == goal)


def told(what: str, value: object) -> Finding:
    """A figure without a goal."""
    return Finding(what, str(value), "", True)


def show(trial: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each finding as it comes, and pass it on."""
    for finding in findings:
        mark = "" if not finding.goal else "met" if finding.met else "MISSED"
        print(f"{trial:<12} {finding.what:<64} {finding.value:>22}   {finding.goal:<22} {mark}", flush=True)
        yield finding
