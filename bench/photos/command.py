"""`python -m bench compare --photos`: this service beside other servers, on photographs and a MobileNetV2."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import tables
from bench.comparison import describe_quiet_machine, describe_run, measure_in_process, run, take_turns, write_result
from bench.options import listed, parse_comparison
from bench.photos import tables as photo_tables
from bench.photos.beside import measure_beside
from bench.photos.candidates import list_candidates
from bench.photos.model import NAME, prepare_model
from bench.photos.pictures import KINDS, write_pictures
from bench.photos.tables import JUDGED
from bench.photos.turns import take_turn
from bench.rounds import Plan, Turn, find_model
from bench.summary import summarize

ALL = list(list_candidates())
BESIDE = "two-cores"  # the candidate that is also sent digits beside photographs


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run(parse(arguments), compare, write)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench compare --photos", description=__doc__)
    parser.add_argument("--kinds", type=listed(KINDS), default=KINDS, help=f"of {', '.join(KINDS)}; default all")
    return parse_comparison(parser, [candidate.name for candidate in ALL], 8, arguments)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds of all candidates.

    Raises:
        BenchError: Nothing can be compared.
    """
    machine = describe_quiet_machine()
    server_core, generator_core = sorted(os.sched_getaffinity(0))[:2]
    models = prepare_model()
    plan = Plan(options.generator, options.connections, options.seconds, models, server_core, generator_core, NAME)
    chosen = [candidate for candidate in ALL if candidate.name in options.only]

    def describe(turn: Mapping[str, Turn]) -> str:
        return str({kind: [f"{load.requests_per_s:,.1f}" for load in one.loads.values()] for kind, one in turn.items()})

    with tempfile.TemporaryDirectory() as folder:
        files = write_pictures(Path(folder))
        files = {kind: paths for kind, paths in files.items() if kind in options.kinds}
        inprocess = measure_in_process("photos", [find_model(models, NAME), folder, *files], server_core)
        turns, failed = take_turns(
            chosen, options.rounds, lambda candidate: take_turn(candidate, plan, files, inprocess), describe
        )
        beside = {}
        for candidate in chosen:
            if candidate.name == BESIDE and candidate.name not in failed and JUDGED in files:
                classes = inprocess["kinds"][JUDGED]["service"]["classes"]
                beside = measure_beside(candidate, plan, files[JUDGED], classes)
    result: dict[str, Any] = {
        **describe_run(options, chosen, machine, failed),
        "inprocess": inprocess,
        "kinds": {kind: {"pictures": len(files[kind]), "figures": summarize_kind(turns, kind)} for kind in files},
        "beside": beside,
    }
    return {**result, "goals": photo_tables.goals(chosen, result)}


def summarize_kind(turns: Mapping[str, Sequence[Mapping[str, Turn]]], kind: str) -> dict[str, Any]:
    """Figures by candidate, of those that were measured with that kind of picture."""
    of_kind = {name: [turn[kind] for turn in taken if kind in turn] for name, taken in turns.items()}
    return {name: summarize(taken) for name, taken in of_kind.items() if taken}


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the tables; write photos.json, photos.md and photos.png."""
    chosen = [candidate for candidate in ALL if candidate.name in options.only]
    sections: list[tuple[str, tables.Rows]] = []
    for kind, values in result["kinds"].items():
        measured = result["inprocess"]["kinds"][kind]
        title = f"{kind}, {values['pictures']} pictures of {measured['bytes_per_pixel']:.2f} bytes a pixel"
        sections.append((title, photo_tables.kind_rows(chosen, result, kind)))
    sections.append(("Goals", tables.goal_rows(result["goals"])))
    notes = [", ".join(f"{name}: {value}" for name, value in result["machine"].items())]
    if result["beside"]:
        notes.append(f"Digits beside 16 connections of {JUDGED}, on two cores: {result['beside']}")
    notes += [f"FAILED {name}: {reason.splitlines()[0]}" for name, reason in result["failed"].items()]
    for title, rows in sections:
        print(f"{title}\n\n{tables.as_text(rows)}\n")
    print("\n".join(notes))
    parts = [f"## {title}\n\n{tables.as_markdown(rows)}" for title, rows in sections]
    write_result(result, ["# Photographs", *parts, *notes], options.output, "photos")
    photo_tables.draw(chosen, result, options.output / "photos.png")
