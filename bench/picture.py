"""The comparison as a picture: throughput on a scale of powers of ten, and the distribution of latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.candidates import Candidate
from bench.summary import rate

Figures = Mapping[str, Any]  # by candidate
OURS, FLOOR, PEER, QUIET = "#c2410c", "#64748b", "#1e3a5f", "#64748b"
PALE = 0.45  # opacity of the second bar
DECADES = [10.0**power for power in range(-2, 6)]
LATENCY_AT = 16  # connections of the right-hand panel
WIDTH_IN, HEIGHT_IN = 12.0, 4.8
PANEL_IN = 7.0, 4.8  # width and height of each of several


def draw(candidates: Sequence[Candidate], result: Mapping[str, Any], file: Path) -> None:
    """Write the picture; candidates without figures are left out."""
    figures = result["figures"]
    measured = [candidate for candidate in candidates if candidate.name in figures and candidate.workers == 1]
    if not measured:
        return
    levels = [count for count in result["connections"] if count > 1] or result["connections"]
    measured.sort(key=lambda candidate: rate(figures, candidate.name, levels[0]) or 0)
    with plt.rc_context({"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(WIDTH_IN, HEIGHT_IN), width_ratios=(1.3, 1), sharey=True, layout="constrained"
        )
        draw_throughput(left, measured, figures, levels)
        draw_latency(right, measured, figures, LATENCY_AT if LATENCY_AT in levels else levels[0])
        figure.supxlabel(describe(result["machine"]), fontsize=7.5, color=QUIET)
        figure.savefig(file, dpi=130)
        plt.close(figure)


def draw_panels(
    panels: Mapping[str, tuple[Sequence[Candidate], Figures]],
    levels: Sequence[int],
    machine: Mapping[str, str],
    file: Path,
) -> None:
    """Write a picture of one panel of throughput for each title."""
    with plt.rc_context({"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}):
        size = PANEL_IN[0] * len(panels), PANEL_IN[1]
        figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
        for panel, (title, (candidates, figures)) in zip(axes[0], panels.items(), strict=True):
            measured = [candidate for candidate in candidates if candidate.name in figures]
            measured.sort(key=lambda candidate: rate(figures, candidate.name, levels[0]) or 0)
            draw_throughput(panel, measured, figures, levels)
            what = f"requests a second\nat {levels[0]} connections, and how many times\nas many this service answers"
            panel.set_title(f"{title}: {what}", loc="left")
            panel.set_xscale("linear")  # they differ by less than ten times
            panel.set_xlim(0, 1.35 * (rate(figures, measured[-1].name, levels[0]) or 1))
            for label in panel.texts:
                label.set_x(label.get_position()[0] * 1.02 / 1.1)  # as near to its bar as on a scale of powers
        figure.supxlabel(describe(machine), fontsize=7.5, color=QUIET)
        figure.savefig(file, dpi=130)
        plt.close(figure)


def describe(machine: Mapping[str, str]) -> str:
    """Where and when it was measured."""
    return (
        f"{machine['processor']}, one core for the server, one for the load generator;"
        f" {machine['date']}, commit {machine['commit']}"
    )


def draw_throughput(axes: Axes, candidates: Sequence[Candidate], figures: Figures, levels: Sequence[int]) -> None:
    """A bar for each candidate and number of connections, the fastest on top."""
    height = 0.8 / len(levels)
    for place, candidate in enumerate(candidates):
        for level, connections in enumerate(levels):
            value = rate(figures, candidate.name, connections) or 1
            y = place + (len(levels) - 1) * height / 2 - level * height
            axes.barh(y, value, height * 0.92, color=colour(candidate), alpha=1 if level == 0 else PALE)
            text = f"{value:,.0f}" + times(rate(figures, "service", connections), value, candidate)
            axes.text(value * 1.1, y, text, va="center", fontsize=8)
    highest = max(rate(figures, candidate.name, count) or 1 for candidate in candidates for count in levels)
    scale(axes, 1, 6 * highest)
    axes.set_yticks(range(len(candidates)), [candidate.title for candidate in candidates])
    for label, candidate in zip(axes.get_yticklabels(), candidates, strict=True):
        label.set_fontweight("bold" if candidate.name == "service" else "normal")
    shades = " and ".join(f"{count} ({'pale' if level else 'dark'})" for level, count in enumerate(levels))
    axes.set_title(
        f"Requests a second at {shades} connections,\nand how many times as many this service answers", loc="left"
    )


def draw_latency(axes: Axes, candidates: Sequence[Candidate], figures: Figures, connections: int) -> None:
    """For each candidate p1 to p99 as a line, p25 to p75 as a bar, p50 as a dot."""
    spreads = [figures[candidate.name]["connections"][connections]["latencies_ms"] for candidate in candidates]
    for place, (candidate, spread_ms) in enumerate(zip(candidates, spreads, strict=True)):
        shade = colour(candidate)
        axes.plot([spread_ms[1], spread_ms[99]], [place, place], color=shade, linewidth=1.6, solid_capstyle="butt")
        axes.plot([spread_ms[25], spread_ms[75]], [place, place], color=shade, linewidth=8, solid_capstyle="butt")
        axes.plot(spread_ms[50], place, "o", color="white", markeredgecolor=shade, markersize=4.5)
        text = " / ".join(
            f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (spread_ms[50], spread_ms[99])
        )
        axes.text(spread_ms[99] * 1.2, place, text, va="center", fontsize=8)
    scale(axes, min(each[1] for each in spreads) / 2, max(each[99] for each in spreads) * 12)
    axes.tick_params(axis="y", length=0)
    axes.set_title(
        f"Milliseconds at {connections} connections, p50 / p99\n(line: 98 % of requests, bar: half of them)", loc="left"
    )


def scale(axes: Axes, low: float, high: float) -> None:
    """A logarithmic x axis with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([decade for decade in DECADES if low <= decade <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1 else f"{value:,.0f}"))
    axes.grid(axis="x", color="#e2e8f0", linewidth=0.8)
    axes.set_axisbelow(True)


def times(ours: float | None, theirs: float, candidate: Candidate) -> str:
    """How many times this service's throughput is the candidate's."""
    if ours is None or candidate.name == "service":
        return ""
    ratio = ours / theirs
    return f"   {ratio:,.0f}x" if ratio >= 100 else f"   {ratio:.1f}x" if ratio >= 1 else f"   {ratio:.2f}x"


def colour(candidate: Candidate) -> str:
    """Orange for this service, grey for the floor, blue for the peers."""
    return {"service": OURS, "floor": FLOOR}.get(candidate.name, PEER)
