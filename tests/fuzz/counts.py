"""What the fuzzing process counts, in a file that outlives it: libFuzzer ends it without a last word."""

from __future__ import annotations

import mmap
from pathlib import Path

NAMES = ("inputs", "accepted", "decoded")  # all; pictures or bodies that are good; inputs that reached the decoder


class Counts:
    """Numbers by name, shared between processes."""

    def __init__(self, path: Path) -> None:
        """Open `path`, or make it with zeros."""
        if not path.exists():
            path.write_bytes(bytes(8 * len(NAMES)))
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")

    def add(self, name: str) -> None:
        """Count one more."""
        self._numbers[NAMES.index(name)] += 1

    def __getitem__(self, name: str) -> int:
        return self._numbers[NAMES.index(name)]
