"""The external test's table in Markdown: the row that misses its goal by most comes first."""

from __future__ import annotations

from collections.abc import Iterable

from train.strangers.rows import Row, Skipped


def write_table(rows: Iterable[Row | Skipped]) -> str:
    """A line for each row, those without a goal last, and for each that was skipped its reason."""
    every = list(rows)
    lines = ["| what | pictures | measured | goal |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {row.name} | {row.pictures:,} | {row.value:.2f} % | {_write_goal(row)} |" for row in order(every)]
    lines += [f"| {row.name} | | skipped: {row.reason} | |" for row in every if isinstance(row, Skipped)]
    return "\n".join(lines)


def order(rows: Iterable[Row | Skipped]) -> list[Row]:
    """Those that were measured, what misses its goal by most first; then those without a goal, the worst first."""
    measured = (row for row in rows if isinstance(row, Row))
    return sorted(measured, key=lambda row: (row.goal is None, row.margin))


def _write_goal(row: Row) -> str:
    if row.goal is None:
        return ""
    sign = "≤" if row.at_most else "≥"
    return f"{sign} {row.goal:g} %" + ("" if row.margin >= 0 else ", missed")
