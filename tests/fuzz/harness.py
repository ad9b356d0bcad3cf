"""The process that atheris fuzzes in: `python -m tests.fuzz.harness TARGET DECODER COUNTS LIBFUZZER-OPTION…`.

`command` starts it. libFuzzer ends it: with status 0 when time is over, with another one when it has written a finding
to a file.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

# Before anything else imports them: only what is imported here tells the fuzzer which way an input took.
with atheris.instrument_imports(include=["service"]):
    from tests.fuzz.targets import FUZZED, Fuzzed

from tests.fuzz.counts import Counts
from tests.fuzz.leaks import watched
from tests.fuzz.stand_ins import CountedDecoder, install

BY_LIBFUZZER = 0.1  # of the changes are made by libFuzzer, which knows what its bytes were compared with


def main(name: str, decoder: str, counts: str, *options: str) -> None:
    """Fuzz the target `name` with one of the decoders of `stand_ins`; never returns."""
    fuzzed = FUZZED[name]
    run = Run(fuzzed, install(decoder), Counts(Path(counts)))
    atheris.Setup([sys.argv[0], *options], run.run, custom_mutator=run.mutate)
    atheris.Fuzz()


class Run:
    """One input after the other."""

    def __init__(self, fuzzed: Fuzzed, decoder: CountedDecoder, counts: Counts) -> None:
        self.fuzzed, self.decoder, self.counts = fuzzed, decoder, counts
        self.check = watched(fuzzed.check)

    def run(self, data: bytes) -> None:
        """Check one input and count it."""
        calls = self.decoder.calls
        self.counts.add("inputs")
        if self.check(data):
            self.counts.add("accepted")
        if self.decoder.calls > calls:
            self.counts.add("decoded")

    def mutate(self, data: bytes, max_bytes: int, seed: int) -> bytes:
        """Another input of at most `max_bytes`."""
        rng = random.Random(seed)
        if rng.random() < BY_LIBFUZZER:
            changed: bytes = atheris.Mutate(data, max_bytes)
            return changed
        return self.fuzzed.mutate(data, max_bytes, rng)


if __name__ == "__main__":
    main(*sys.argv[1:])
