"""`python -m bench compare`: this service beside other servers, each with the same model, images and core."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import tables
from bench.candidates import CANDIDATES, Candidate
from bench.comparison import describe_quiet_machine, describe_run, measure_in_process, run, take_turns, write_result
from bench.mnist import read_test_set
from bench.options import parse_comparison
from bench.payload import make_payload
from bench.picture import draw
from bench.rounds import Plan, Turn, find_model, take_turn
from bench.server import ROOT
from bench.summary import hold_against_goals, summarize

IMAGES = 600


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run(parse(arguments), compare, write)


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
    machine = describe_quiet_machine()
    server_core, generator_core = sorted(os.sched_getaffinity(0))[:2]
    plan = Plan(
        options.generator, options.connections, options.seconds, options.models.resolve(), server_core, generator_core
    )
    images = read_test_set(options.data)[0][:IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images)
        pipeline = measure_in_process("pipeline", [find_model(plan.models), file], server_core)
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]

    def take(candidate: Candidate) -> Turn:
        return take_turn(candidate, plan, make_payload(candidate.form, candidate.path, images, pipeline["classes"]))

    def describe(turn: Turn) -> str:
        return ", ".join(f"{load.requests_per_s:,.0f} at {count}" for count, load in turn.loads.items())

    turns, failed = take_turns(chosen, options.rounds, take, describe)
    figures = {name: summarize(taken) for name, taken in turns.items() if name not in failed}
    return {
        **describe_run(options, chosen, machine, failed),
        "images": IMAGES,
        "pipeline": {name: value for name, value in pipeline.items() if name != "classes"},
        "figures": figures,
        "goals": hold_against_goals(figures, pipeline),
    }


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the tables; write compare.json, compare.md and compare.png."""
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]
    throughput, goals = tables.throughput_rows(chosen, result), tables.goal_rows(result["goals"])
    notes = tables.write_notes(result)
    print(tables.as_text(throughput), tables.as_text(goals), "\n".join(notes), sep="\n\n")
    text = ["# Comparison", tables.as_markdown(throughput), tables.as_markdown(goals), *notes]
    write_result(result, text, options.output, "compare")
    draw(chosen, result, options.output / "compare.png")
