"""Answers to figures: each answer judged, percentiles, a table and one JSON line."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Sequence

from bench.client import Answer

FOREIGN = 0.9  # of the answers
PERCENTILES = (50, 90, 99)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of values in ascending order: the smallest that `percent` % are not above."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


class Tally:
    """Counts answers as they come in."""

    def __init__(self, labels: Collection[str] = ()) -> None:
        self.labels = labels  # of the pictures, where they are known
        self.foreign: Counter[str] = Counter()  # answered classes that are none of them
        self.correct = 0
        self.judged = 0  # good answers whose right class is known
        self.latencies_s: list[float] = []  # of good answers
        self.errors: Counter[str] = Counter()

    def add(self, answer: Answer) -> None:
        """Judge one answer."""
        error, cls = judge(answer)
        if error:
            self.errors[error] += 1
            return
        self.latencies_s.append(answer.latency_s)
        label = answer.upload.label
        self.judged += label is not None
        self.correct += label is not None and cls == str(label)
        if self.labels and cls not in self.labels:
            self.foreign[cls] += 1

    def find_nonsense(self) -> str:
        """Why an accuracy would say nothing: nearly all classes are not of these pictures; empty where it does say."""
        if self.foreign.total() <= FOREIGN * self.judged:
            return ""
        return f"no picture here is of class {next(iter(self.foreign))!r}, as the model answers: is it the right model?"

    def figures(self, elapsed_s: float) -> dict[str, object]:
        """The result, rounded for reading."""
        good, failed = len(self.latencies_s), sum(self.errors.values())
        ordered = sorted(self.latencies_s)
        result: dict[str, object] = {
            "answers": good,
            "failed": failed,
            "accuracy": round(self.correct / self.judged, 4) if self.judged and not self.find_nonsense() else None,
            "requests_per_s": round(good / elapsed_s, 1) if elapsed_s else 0.0,
        }
        for percent in PERCENTILES:
            result[f"p{percent}_ms"] = round(percentile(ordered, percent) * 1000, 3) if good else None
        return {**result, "errors": dict(self.errors)}


def judge(answer: Answer) -> tuple[str, str]:
    """What is wrong with an answer, empty where nothing is, and its class."""
    if answer.status == 0:
        return f"lost: {answer.body.decode(errors='replace')}", ""
    if answer.status == 503:
        return "503: overloaded", ""
    if answer.status != 200:
        return f"status {answer.status}", ""
    try:
        values = json.loads(answer.body)
        fn, cls = values["fn"], values["cls"]
    except (ValueError, KeyError, TypeError):
        return "not an answer", ""
    return ("", str(cls)) if fn == answer.upload.fn else ("answer to another file", "")


def print_table(figures: dict[str, object]) -> None:
    """Print one line for each figure."""
    rows = {
        "accuracy": _unit(figures["accuracy"], "%", 100),
        "requests": f"{figures['answers']:,} answered, {figures['failed']:,} failed",
        "req/s": _unit(figures["requests_per_s"], ""),
        **{f"p{percent}": _unit(figures[f"p{percent}_ms"], "ms") for percent in PERCENTILES},
    }
    for name, text in rows.items():
        print(f"{name:<10}{text}")
    errors = figures["errors"]
    assert isinstance(errors, dict)
    for error, count in errors.items():
        print(f"{'error':<10}{count:,} x {error}")


def _unit(value: object, unit: str, factor: int = 1) -> str:
    return f"{value * factor:,.2f} {unit}".strip() if isinstance(value, int | float) else "-"
