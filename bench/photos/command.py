"""`python -m bench compare --photos`: this service beside other servers, on photographs and a MobileNetV2."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import tables
from bench.candidates import Candidate
from bench.compare import as_json, warn_of_others
from bench.environment import programs, read_versions
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.options import parse_comparison
from bench.photos import tables as photo_tables
from bench.photos.beside import measure_beside
from bench.photos.candidates import list_candidates
from bench.photos.model import NAME, prepare_model
from bench.photos.pictures import SIZES, write_pictures
from bench.photos.tables import JUDGED
from bench.photos.turns import take_turn
from bench.rounds import Plan, Turn, find_model
from bench.server import ROOT
from bench.summary import summarize

ALL = list(list_candidates())
BESIDE = "two-cores"  # the candidate that is also sent digits beside photographs


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code is 1 when a candidate failed."""
    options = parse(arguments)
    try:
        result = compare(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    write(result, options)
    return 1 if result["failed"] else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench compare --photos", description=__doc__)
    parser.add_argument("--kinds", type=lambda text: text.split(","), help=f"png or jpg with {', '.join(SIZES)}")
    return parse_comparison(parser, [candidate.name for candidate in ALL], 8, arguments)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds of all candidates.

    Raises:
        BenchError: Nothing can be compared.
    """
    machine = describe_machine()
    warn_of_others(machine)
    server_core, generator_core = sorted(os.sched_getaffinity(0))[:2]
    models = prepare_model()
    plan = Plan(options.generator, options.connections, options.seconds, models, server_core, generator_core, NAME)
    chosen = [candidate for candidate in ALL if candidate.name in options.only]
    with tempfile.TemporaryDirectory() as folder:
        files = write_pictures(Path(folder))
        files = {kind: paths for kind, paths in files.items() if not options.kinds or kind in options.kinds}
        inprocess = measure_in_process(find_model(models, NAME), Path(folder), list(files), server_core)
        turns, failed = take_turns(chosen, plan, files, inprocess, options.rounds)
        beside = {}
        for candidate in chosen:
            if candidate.name == BESIDE and candidate.name not in failed and JUDGED in files:
                classes = inprocess["kinds"][JUDGED]["service"]["classes"]
                beside = measure_beside(candidate, plan, files[JUDGED], classes)
    result: dict[str, Any] = {
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "generator": options.generator,
        "versions": {candidate.name: read_versions(candidate) for candidate in chosen if candidate.name not in failed},
        "inprocess": inprocess,
        "kinds": {kind: {"pictures": len(files[kind]), "figures": summarize_kind(turns, kind)} for kind in files},
        "beside": beside,
        "failed": failed,
    }
    return {**result, "goals": photo_tables.goals(chosen, result)}


def take_turns(
    chosen: Sequence[Candidate],
    plan: Plan,
    files: Mapping[str, Sequence[Path]],
    inprocess: Mapping[str, Any],
    rounds: int,
) -> tuple[dict[str, list[dict[str, Turn]]], dict[str, str]]:
    """Every candidate once in each round, but none again that has failed; the failures' reasons."""
    turns: dict[str, list[dict[str, Turn]]] = {candidate.name: [] for candidate in chosen}
    failed: dict[str, str] = {}
    for number in range(1, rounds + 1):
        for candidate in chosen:
            if candidate.name in failed:
                continue
            try:
                programs(candidate)
                turn = take_turn(candidate, plan, files, inprocess)
            except BenchError as error:
                failed[candidate.name] = str(error)
                print(f"{candidate.name} failed: {error}", file=sys.stderr)
                continue
            turns[candidate.name].append(turn)
            rates = {kind: [f"{load.requests_per_s:,.1f}" for load in one.loads.values()] for kind, one in turn.items()}
            print(f"round {number} of {rounds}: {candidate.name}: {rates}", file=sys.stderr)
    return turns, failed


def summarize_kind(turns: Mapping[str, Sequence[Mapping[str, Turn]]], kind: str) -> dict[str, Any]:
    """Figures by candidate, of those that were measured with that kind of picture."""
    of_kind = {name: [turn[kind] for turn in taken if kind in turn] for name, taken in turns.items()}
    return {name: summarize(taken) for name, taken in of_kind.items() if taken}


def measure_in_process(model: Path, folder: Path, kinds: Sequence[str], core: int) -> dict[str, Any]:
    """What `bench.inprocess.photos` prints, measured on the servers' core.

    Raises:
        BenchError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.inprocess.photos", model, folder, *kinds],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if done.returncode:
        raise BenchError(f"the pictures cannot be measured in process: {done.stderr.strip()[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the tables; write photos.json, photos.md and photos.png."""
    chosen = [candidate for candidate in ALL if candidate.name in options.only]
    sections: list[tuple[str, tables.Rows]] = []
    for kind, values in result["kinds"].items():
        measured = result["inprocess"]["kinds"][kind]
        title = f"{kind}, {values['pictures']} pictures of {measured['bytes_per_pixel']:.2f} bytes a pixel"
        sections.append((title, photo_tables.kind_rows(chosen, result, kind)))
    sections.append(("Goals", tables.goal_rows(result["goals"])))
    machine = ", ".join(f"{name}: {value}" for name, value in result["machine"].items())
    notes = [machine]
    if result["beside"]:
        notes.append(f"Digits beside 16 connections of {JUDGED}, on two cores: {result['beside']}")
    notes += [f"FAILED {name}: {reason.splitlines()[0]}" for name, reason in result["failed"].items()]
    for title, rows in sections:
        print(f"{title}\n\n{tables.as_text(rows)}\n")
    print("\n".join(notes))
    options.output.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(
        ["# Photographs", *(f"## {title}\n\n{tables.as_markdown(rows)}" for title, rows in sections), *notes]
    )
    (options.output / "photos.md").write_text(text + "\n")
    (options.output / "photos.json").write_text(as_json(result))
    photo_tables.draw(chosen, result, options.output / "photos.png")
