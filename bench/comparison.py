"""What both comparisons share: all candidates in turn again and again, what no server takes, and what is written."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bench.candidates import Candidate
from bench.environment import programs, read_versions
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.server import ROOT

QUIET_LOAD = 0.5  # load average of the last minute
Options = argparse.Namespace
TakenTurn = TypeVar("TakenTurn")


def run(options: Options, compare: Callable[[Options], dict[str, Any]], write: Callable[..., None]) -> int:
    """Compare and write; the exit code is 1 when a candidate failed."""
    try:
        result = compare(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    write(result, options)
    return 1 if result["failed"] else 0


def describe_run(
    options: Options, chosen: Sequence[Candidate], machine: Mapping[str, str], failed: Mapping[str, str]
) -> dict[str, Any]:
    """What stands at the head of every result."""
    return {
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "generator": options.generator,
        "versions": {candidate.name: read_versions(candidate) for candidate in chosen if candidate.name not in failed},
        "failed": failed,
    }


def describe_quiet_machine() -> dict[str, str]:
    """The machine; says it where others use it."""
    machine = describe_machine()
    if float(machine["load before"]) > QUIET_LOAD:
        print(f"bench: others use this machine (load {machine['load before']}): do not publish this", file=sys.stderr)
    return machine


def take_turns(
    chosen: Sequence[Candidate],
    rounds: int,
    take: Callable[[Candidate], TakenTurn],
    describe: Callable[[TakenTurn], str],
) -> tuple[dict[str, list[TakenTurn]], dict[str, str]]:
    """Every candidate once in each round, but none again that has failed; the failures' reasons."""
    turns: dict[str, list[TakenTurn]] = {candidate.name: [] for candidate in chosen}
    failed: dict[str, str] = {}
    for number in range(1, rounds + 1):
        for candidate in chosen:
            if candidate.name in failed:
                continue
            try:
                programs(candidate)
                turn = take(candidate)
            except BenchError as error:
                failed[candidate.name] = str(error)
                print(f"{candidate.name} failed: {error}", file=sys.stderr)
                continue
            turns[candidate.name].append(turn)
            print(f"round {number} of {rounds}: {candidate.name}: {describe(turn)}", file=sys.stderr)
    return turns, failed


def measure_in_process(module: str, arguments: Sequence[str | Path], core: int) -> dict[str, Any]:
    """What a module of bench.inprocess prints, measured on the servers' core.

    Raises:
        BenchError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"bench.inprocess.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if done.returncode:
        raise BenchError(f"bench.inprocess.{module} failed: {done.stderr.strip()[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def write_result(result: Mapping[str, Any], text: Sequence[str], folder: Path, name: str) -> None:
    """The paragraphs as Markdown, and the result as JSON: indented, but each list of numbers on one line."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text("\n\n".join(text) + "\n")
    written = re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(result, indent=1))
    (folder / f"{name}.json").write_text(written + "\n")
