"""`python -m bench chaos`: bad input and bad luck against a real server; the exit status says whether it held."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from bench.chaos.goals import show
from bench.errors import BenchError

TRIALS = {
    "damage": "damaged files: refused, nothing kept",
    "drain": "the end and new code under load: nothing is lost",
    "hang": "workers that hang: noticed, replaced, and no orphan",
    "heads": "heads and bodies without end: bounded in bytes and seconds",
    "descriptors": "more connections than descriptors",
    "workers": "two workers: connections spread, metrics summed",
    "kill": "workers that are killed: their sockets and counts survive",
    "overload": "more requests than can be answered: bounded waits, cheap refusals, good answers",
    "large": "large pictures: bounded in memory and time, small requests go on",
    "megapixels": "a hundred million pixels: bounded in memory and time",
    "hoard": "large uploads that never end, by the hundred: memory bounded, small requests go on",
    "switches": "new versions of a model under load: no error, no stall, nothing kept",
    "soak": "all kinds of traffic at once, for SOAK_SECONDS (300): every answer right and counted, nothing kept",
}
ON_REQUEST = {
    "peers": "how other servers end, whose environments it builds",
    "overload_peers": "other servers under more requests than they can answer, likewise",
}
EPILOG = "exit status: 0 all goals are met; 1 one is missed; 2 wrong arguments; 130 interrupted"


def main(arguments: Sequence[str]) -> int:
    """Run the trials and print each finding beside its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench chaos", description=__doc__, epilog=EPILOG)
    listed = ", ".join(f"{name} ({what})" for name, what in {**TRIALS, **ON_REQUEST}.items())
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=f"all, or of: {listed}")
    parser.add_argument("--long", action="store_true", help="as much as is claimed, instead of some seconds each")
    parser.add_argument(
        "--busy", action="store_true", help="this machine does other work: do not judge times and rates"
    )
    parser.add_argument("--way", choices=("fast", "asgi"), default="fast", help="of the server's small uploads")
    options = parser.parse_args(arguments)
    os.environ["CHAOS_WAY"] = options.way
    unknown = set(options.trials) - {*TRIALS, *ON_REQUEST}
    if unknown:
        parser.error(f"no trial is called {', '.join(sorted(unknown))}; the trials are {', '.join(TRIALS)}")
    missed = 0
    for name in options.trials or TRIALS:
        try:
            findings = list(show(name, import_module(f"bench.chaos.{name}").run(options.long)))
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return error.exit_code
        missed += sum(not (finding.met or (options.busy and finding.timed)) for finding in findings)
    print(f"{missed} goals missed" if missed else "all goals are met")
    return 1 if missed else 0
