"""The result as text and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import picture
from bench.candidates import Candidate
from bench.summary import rate
from bench.tables import Rows, ranged, times

JUDGED = "png 512x512"
LEAST = {"pillow": 1.5, "service": 1.0}  # times a peer's requests a second, by its way of preparing
SHOWN_AT = 16  # connections of the picture, and of where the time goes


def kind_rows(candidates: Sequence[Candidate], result: Mapping[str, Any], kind: str) -> Rows:
    """A row for each candidate: requests a second, how many times as many the service answers, where the time goes."""
    figures, connections = result["kinds"][kind]["figures"], result["connections"]
    shown = SHOWN_AT if SHOWN_AT in connections else connections[0]
    head = ["server"]
    for count in connections:
        head += [f"req/s at {count}", "service is"]
    head += [f"p50 / p99 ms at {shown}", f"processor ms at {shown}", "decode", "fit", "ORT", "all else"]
    rows = [head]
    for candidate in candidates:
        if candidate.name not in figures:
            continue
        mine = figures[candidate.name]["connections"]
        row = [candidate.title]
        for count in connections:
            row += [ranged(mine[count]["requests_per_s"]), times(figures, candidate, count)]
        row.append(f"{mine[shown]['p50_ms'][0]:,.3g} / {mine[shown]['p99_ms'][0]:,.3g}")
        row += share_out(candidate, mine[shown]["cpu_us"][0] / 1000, result, kind)
        rows.append(row)
    return rows


def share_out(candidate: Candidate, cpu_ms: float, result: Mapping[str, Any], kind: str) -> list[str]:
    """A request's processor time, and of it what the same work takes in a process that does nothing else."""
    decode_ms, fit_ms, run_ms = work_of(candidate, result["inprocess"], kind)
    rest = cpu_ms - decode_ms - fit_ms - run_ms
    return [*(f"{value:.3g}" for value in (cpu_ms, decode_ms, fit_ms, run_ms)), f"{rest:.2g} ({rest / cpu_ms:.0%})"]


def work_of(candidate: Candidate, inprocess: Mapping[str, Any], kind: str) -> tuple[float, float, float]:
    """Milliseconds of decoding, fitting, and the model at its best batch size."""
    run_ms = min(inprocess["run_ms"].values())
    if candidate.form == "tensor":
        return 0.0, 0.0, run_ms
    way = inprocess["kinds"][kind]["pillow" if candidate.name.endswith("-pillow") else "service"]
    return way["decode_ms"], way["fit_ms"], run_ms


def goals(candidates: Sequence[Candidate], result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each goal with what was measured; those that were not measured are left out."""
    figures = result["kinds"].get(JUDGED, {}).get("figures", {})
    at = SHOWN_AT if SHOWN_AT in result["connections"] else result["connections"][0]
    ours = rate(figures, "service", at)
    found: list[dict[str, Any]] = []
    if ours is None:
        return found

    def add(what: str, measured: float, goal: float, at_least: bool = True) -> None:
        met = bool(measured >= goal if at_least else measured <= goal)
        words = f"at {'least' if at_least else 'most'} {goal:g}"
        found.append({"what": f"{what}, {JUDGED} at {at}", "measured": round(measured, 3), "goal": words, "met": met})

    for candidate in candidates:
        theirs, way = rate(figures, candidate.name, at), candidate.name.rpartition("-")[2]
        if theirs and way in LEAST and candidate.name != way:
            add(f"times {candidate.title}", ours / theirs, LEAST[way])
    if two := rate(figures, "two-cores", at):
        add("two cores, times one", two / ours, 1.8)
    if beside := result.get("beside"):
        add("p99 ms of digits beside photographs", beside["p99_ms"], 10, at_least=False)
    cpu_ms = figures["service"]["connections"][at]["cpu_us"][0] / 1000
    work_ms = sum(work_of(candidates[0], result["inprocess"], JUDGED))
    add("all else, of our processor time", 1 - work_ms / cpu_ms, 0.05, at_least=False)
    return found


def draw(candidates: Sequence[Candidate], result: Mapping[str, Any], file: Path) -> None:
    """A panel for each size of PNG: requests a second."""
    shown = [candidate for candidate in candidates if candidate.cores == 1]
    picture.draw_panels(
        {kind: (shown, values["figures"]) for kind, values in result["kinds"].items() if kind.startswith("png")},
        [SHOWN_AT if SHOWN_AT in result["connections"] else result["connections"][0]],
        result["machine"],
        file,
    )
