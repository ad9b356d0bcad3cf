"""What the commands ask on their command lines, and how it is read."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import generator
from bench.server import ROOT


def parse_comparison(
    parser: argparse.ArgumentParser, names: Sequence[str], seconds: float, arguments: Sequence[str]
) -> argparse.Namespace:
    """The parser's own options and the common ones; `names` are those of the candidates."""
    parser.add_argument("--only", type=listed(names), default=names, help=f"of {','.join(names)}")
    parser.add_argument("--seconds", type=_seconds, default=seconds, help="of each measurement, default %(default)s")
    parser.add_argument("--rounds", type=count, default=3, help="turns of each candidate, default %(default)s")
    parser.add_argument("--connections", type=_counts, default=[64, 16, 1], help="default 64,16,1")
    parser.add_argument("--generator", choices=generator.GENERATORS, default=generator.choose_generator())
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results", help="folder, default %(default)s")
    options = parser.parse_args(arguments)
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("this process may use one core only; the server and the load generator need one each")
    return options


def listed(names: Sequence[str]) -> Callable[[str], list[str]]:
    """A reader of some of these names, with commas between them."""

    def read(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return chosen

    return read


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _counts(text: str) -> list[int]:
    return [count(word) for word in text.split(",")]


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; give seconds, e.g. 5")
    return value
