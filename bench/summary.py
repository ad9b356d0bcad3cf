"""Turns to figures: medians with their range, ratios, and the goals that they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.rounds import Turn

Turns = Mapping[str, Sequence[Turn]]  # by candidate
# The least that this service's throughput must be, as a multiple of the candidate's, at 64 and 16 connections.
THROUGHPUT_GOALS = {
    "floor": {64: 0.72, 16: 0.67},
    "starlette": {64: 6.6},
    "mosec": {64: 2.7},
    "pytriton": {64: 6.5},
    "litserve": {64: 27.0},
    "bentoml": {64: 29.0},
    "ancestor": {64: 700.0},
}
HTTP_US = 7.0  # of a request without ASGI: uvicorn's parser and its socket, answering a constant (bench/LOG.md)


def summarize(turns: Sequence[Turn]) -> dict[str, Any]:
    """One candidate's figures over all rounds; a spread is [median, lowest, highest]."""
    loads = {}
    for connections in turns[0].loads:
        runs = [turn.loads[connections] for turn in turns]
        loads[connections] = {
            "requests_per_s": spread([run.requests_per_s for run in runs]),
            **{f"p{percent}_ms": spread([run.percentile_ms(percent) for run in runs]) for percent in (50, 90, 99)},
            "latencies_ms": [spread([run.percentile_ms(p) for run in runs])[0] for p in range(101)],  # p0 to p100
            "cpu_us": spread([turn.cpu_us[connections] for turn in turns]),
            "generator_busy": spread([run.busy for run in runs]),
        }
    return {
        "connections": loads,
        "ready_s": spread([turn.ready_s for turn in turns]),
        "resident_mb": spread([turn.resident_mb for turn in turns]),
    }


def spread(values: Sequence[float]) -> list[float]:
    """Median, lowest and highest, to four significant digits."""
    return [float(f"{value:.4g}") for value in (median(values), min(values), max(values))]


def middle(figures: Mapping[str, Any], name: str, connections: int, what: str) -> float | None:
    """Median of what `summarize` has of a load, such as "p50_ms"; None where it was not measured."""
    try:
        value: float = figures[name]["connections"][connections][what][0]
    except KeyError:
        return None
    return value


def rate(figures: Mapping[str, Any], name: str, connections: int) -> float | None:
    """Median requests a second, None where it was not measured."""
    return middle(figures, name, connections, "requests_per_s")


def pipeline_limit(pipeline: Mapping[str, Any], connections: int) -> float:
    """Requests a second if a request took HTTP without ASGI, plus decoding, plus the model at the largest batch.

    The largest batch is that of all connections waiting together: the limit is not set lower than it may be.
    """
    batch = max((int(size) for size in pipeline["run_us"] if int(size) <= connections), default=1)
    return float(1e6 / (HTTP_US + pipeline["decode_us"] + pipeline["run_us"][str(batch)]))


def hold_against_goals(figures: Mapping[str, Any], pipeline: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each goal of this service with what was measured; those that were not measured are left out."""
    goals: list[dict[str, Any]] = []

    def add(what: str, value: float | None, of: float | None, goal: float, unit: str, at_least: bool) -> None:
        if value is not None and of:
            measured = value / of
            met = measured >= goal if at_least else measured <= goal
            word = "at least" if at_least else "at most"
            goals.append({"what": what, "measured": round(measured, 3), "goal": f"{word} {goal:g} {unit}", "met": met})

    for name, levels in THROUGHPUT_GOALS.items():
        for connections, goal in levels.items():
            ours, theirs = rate(figures, "service", connections), rate(figures, name, connections)
            add(f"throughput of {name} at {connections} connections", ours, theirs, goal, "x", True)
    for connections in (64, 16):
        ours, theirs = rate(figures, "tensors", connections), rate(figures, "pytriton", connections)
        add(f"tensors against Triton's at {connections} connections", ours, theirs, 1.0, "x", True)
    ours = rate(figures, "service", 64)
    add("pipeline's limit at 64 connections", ours, pipeline_limit(pipeline, 64), 0.78, "x", True)
    two, one = (middle(figures, name, 64, "cpu_us") for name in ("two-workers", "service"))
    add("processor time of two workers against one at 64", two, one, 1.1, "x", False)
    ours, theirs = (middle(figures, name, 1, "p50_ms") for name in ("service", "floor"))
    add("p50 of the floor at 1", ours, theirs, 1.6, "x", False)
    p99_ms, p50_ms = (middle(figures, "service", 16, what) for what in ("p99_ms", "p50_ms"))
    add("p99 against p50 at 16", p99_ms, p50_ms, 2.0, "x", False)
    if "service" in figures and "ready_s" in figures["service"]:
        add("memory of worker and supervisor after load", figures["service"]["resident_mb"][0], 1, 150, "MB", False)
        add("process start to ready", figures["service"]["ready_s"][0], 1, 1.0, "s", False)
    return goals
