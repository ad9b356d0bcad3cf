"""`python -m bench compare`: this service beside other servers, each with the same model, images and core."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import tables
from bench.candidates import CANDIDATES, Candidate
from bench.environment import programs, read_versions
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.mnist import read_test_set
from bench.options import parse_comparison
from bench.payload import make_payload
from bench.picture import draw
from bench.rounds import Plan, Turn, find_model, take_turn
from bench.server import ROOT
from bench.summary import hold_against_goals, summarize

IMAGES = 600
QUIET_LOAD = 0.5  # load average of the last minute


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
    parser = argparse.ArgumentParser(prog="python -m bench compare", description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="folder of mnist/<version>/model.onnx")
    parser.add_argument("--data", type=Path, help="mnist.npz; else $MNIST_NPZ, else it is downloaded once")
    return parse_comparison(parser, [candidate.name for candidate in CANDIDATES], 5, arguments)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds of all candidates.

    Raises:
        BenchError: Nothing can be compared.
    """
    machine = describe_machine()
    warn_of_others(machine)
    server_core, generator_core = sorted(os.sched_getaffinity(0))[:2]
    plan = Plan(
        options.generator, options.connections, options.seconds, options.models.resolve(), server_core, generator_core
    )
    images = read_test_set(options.data)[0][:IMAGES]
    pipeline = measure_pipeline(find_model(plan.models), images, server_core)
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]
    turns, failed = take_turns(chosen, plan, images, pipeline["classes"], options.rounds)
    figures = {name: summarize(taken) for name, taken in turns.items() if name not in failed}
    return {
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "generator": options.generator,
        "images": IMAGES,
        "versions": {candidate.name: read_versions(candidate) for candidate in chosen if candidate.name not in failed},
        "pipeline": {name: value for name, value in pipeline.items() if name != "classes"},
        "figures": figures,
        "failed": failed,
        "goals": hold_against_goals(figures, pipeline),
    }


def warn_of_others(machine: Mapping[str, str]) -> None:
    """Say it where others use the machine."""
    if float(machine["load before"]) > QUIET_LOAD:
        print(f"bench: others use this machine (load {machine['load before']}): do not publish this", file=sys.stderr)


def take_turns(
    chosen: Sequence[Candidate], plan: Plan, images: Any, classes: Sequence[int], rounds: int
) -> tuple[dict[str, list[Turn]], dict[str, str]]:
    """Every candidate once in each round, but none again that has failed; the failures' reasons."""
    turns: dict[str, list[Turn]] = {candidate.name: [] for candidate in chosen}
    failed: dict[str, str] = {}
    for candidate in chosen:
        try:
            programs(candidate)
        except BenchError as error:
            failed[candidate.name] = str(error)
    for number in range(1, rounds + 1):
        for candidate in chosen:
            if candidate.name in failed:
                continue
            try:
                uploads = make_payload(candidate.form, candidate.path, images, classes)
                turn = take_turn(candidate, plan, uploads)
            except BenchError as error:
                failed[candidate.name] = str(error)
                print(f"{candidate.name} failed: {error}", file=sys.stderr)
                continue
            turns[candidate.name].append(turn)
            rates = ", ".join(f"{load.requests_per_s:,.0f} at {count}" for count, load in turn.loads.items())
            print(f"round {number} of {rounds}: {candidate.name}: {rates}", file=sys.stderr)
    return turns, failed


def measure_pipeline(model: Path, images: Any, core: int) -> dict[str, Any]:
    """What `bench.inprocess.pipeline` prints, measured on the servers' core.

    Raises:
        BenchError: It failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images)
        done = subprocess.run(
            [sys.executable, "-m", "bench.inprocess.pipeline", model, file],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    if done.returncode:
        raise BenchError(f"the model cannot be measured in process: {done.stderr.strip()[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the tables; write compare.json, compare.md and compare.png."""
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]
    throughput, goals = tables.throughput_rows(chosen, result), tables.goal_rows(result["goals"])
    notes = tables.write_notes(result)
    print(tables.as_text(throughput), tables.as_text(goals), "\n".join(notes), sep="\n\n")
    options.output.mkdir(parents=True, exist_ok=True)
    sections = [tables.as_markdown(throughput), tables.as_markdown(goals), *notes]
    (options.output / "compare.md").write_text("\n\n".join(["# Comparison", *sections]) + "\n")
    (options.output / "compare.json").write_text(as_json(result))
    draw(chosen, result, options.output / "compare.png")


def as_json(result: dict[str, Any]) -> str:
    """Indented, but each list of numbers on one line."""
    return re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(result, indent=1)) + "\n"
