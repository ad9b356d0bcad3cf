"""The result of a comparison as text: for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.candidates import Candidate
from bench.summary import rate

Rows = list[list[str]]
TAKES = {"multipart": "PNG, multipart", "png": "PNG, bare body", "tensor": "decoded tensor"}


def throughput_rows(candidates: Sequence[Candidate], result: Mapping[str, Any]) -> Rows:
    """A row for each candidate: requests a second, how many times as many this service answers, latency, resources."""
    figures, connections = result["figures"], result["connections"]
    rates = [count for count in connections if count > 1]
    latencies = [count for count in connections if count <= 16] or connections
    head = ["server", "takes"]
    for count in rates:
        head += [f"req/s at {count}", "service is"]
    head += [*(f"p50 / p99 ms at {count}" for count in latencies), "MB", "ready s"]
    rows = [head]
    for candidate in candidates:
        row = [candidate.title, TAKES[candidate.form]]
        if candidate.name in figures:
            mine = figures[candidate.name]
            for count in rates:
                row += [ranged(mine["connections"][count]["requests_per_s"]), times(figures, candidate, count)]
            loads = [mine["connections"][count] for count in latencies]
            row += [f"{load['p50_ms'][0]:.3g} / {load['p99_ms'][0]:.3g}" for load in loads]
            row += [f"{mine['resident_mb'][0]:,.0f}", f"{mine['ready_s'][0]:.2f}"]
        else:
            row += ["FAILED", *[""] * (len(head) - 3)]
        rows.append(row)
    return rows


def times(figures: Mapping[str, Any], candidate: Candidate, connections: int) -> str:
    """How many times the candidate's throughput this service's is."""
    ours, theirs = rate(figures, "service", connections), rate(figures, candidate.name, connections)
    if ours is None or theirs is None or candidate.name == "service":
        return ""
    return f"{ours / theirs:,.0f}x" if ours >= 100 * theirs else f"{ours / theirs:.2f}x"


def goal_rows(goals: Sequence[Mapping[str, Any]]) -> Rows:
    """A row for each goal."""
    head = ["this service against", "measured", "goal", ""]
    words = {True: "met", False: "MISSED"}
    return [head, *([goal["what"], f"{goal['measured']:,.3g}", goal["goal"], words[goal["met"]]] for goal in goals)]


def ranged(values: Sequence[float]) -> str:
    """Median (lowest to highest)."""
    middle, low, high = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values)
    return f"{middle} ({low}-{high})"


def as_text(rows: Rows) -> str:
    """Columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def as_markdown(rows: Rows) -> str:
    """A Markdown table."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader needs to judge the tables."""
    machine, pipeline = result["machine"], result["pipeline"]
    notes = [
        ", ".join(f"{name}: {value}" for name, value in machine.items()),
        f"{result['rounds']} rounds in turn of {result['seconds']:g} s each; medians (lowest-highest); servers on one"
        f" core, the load generator ({result['generator']}) on the other; {result['images']} different MNIST PNGs.",
    ]
    if pipeline:
        runs = ", ".join(f"{batch}: {us:.1f}" for batch, us in pipeline["run_us"].items())
        notes.append(f"In process: PNG decode {pipeline['decode_us']:.1f} us; model, us an image by batch size {runs}.")
    busiest = [
        (load["generator_busy"][0], load["requests_per_s"][0])
        for figures in result["figures"].values()
        for load in figures["connections"].values()
    ]
    if busiest:
        busy, requests_per_s = max(busiest)
        notes.append(
            f"The generator was busy for at most {busy:.0%} of its core, at {requests_per_s:,.0f} req/s:"
            f" its own ceiling is about {requests_per_s / busy:,.0f} req/s."
        )
    for name, reason in result["failed"].items():
        first, *rest = reason.splitlines()
        notes.append(" … ".join([f"FAILED {name}: {first}", *rest[-2:]]))
    return notes
