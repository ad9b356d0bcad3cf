"""What every comparison of servers asks on its command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from bench import generator
from bench.server import ROOT


def parse_comparison(
    parser: argparse.ArgumentParser, names: Sequence[str], seconds: float, arguments: Sequence[str]
) -> argparse.Namespace:
    """The parser's own options and the common ones; `names` are those of the candidates."""
    parser.add_argument("--only", type=lambda text: text.split(","), default=names, help=f"of {','.join(names)}")
    parser.add_argument("--seconds", type=float, default=seconds, help="of each measurement, default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each candidate, default %(default)s")
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[64, 16, 1])
    parser.add_argument("--generator", choices=generator.GENERATORS, default=generator.choose_generator())
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results", help="folder, default %(default)s")
    options = parser.parse_args(arguments)
    unknown = set(options.only) - set(names)
    if unknown:
        parser.error(f"no candidate is called {', '.join(sorted(unknown))}; they are {', '.join(names)}")
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("this process may use one core only; the server and the load generator need one each")
    return options
