"""What a server's processes hold, once a second, and whether it grows."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


class Sample(NamedTuple):
    """What is held at one time."""

    seconds: float
    requests: int  # that had been done by then
    resident_mb: float
    descriptors: int
    threads: int


def take(processes: Collection[int], seconds: float = 0.0, requests: int = 0) -> Sample:
    """A sample of processes, of those that live."""
    pages = descriptors = threads = 0
    for pid in processes:
        with suppress(OSError):  # it has ended
            folder = Path(f"/proc/{pid}")
            pages += int((folder / "statm").read_text().split()[1])
            descriptors += len(os.listdir(folder / "fd"))
            threads += len(os.listdir(folder / "task"))
    return Sample(seconds, requests, pages * PAGE_MB, descriptors, threads)


class Growth(NamedTuple):
    """Of memory, over samples."""

    mb_per_million: float  # requests, by least squares
    mb_per_hour: float
    kept_mb: float  # the least of the last third beyond the least of the first one
    millions: float  # requests from the middle of the first third to that of the last one


def measure_growth(samples: Sequence[Sample]) -> Growth:
    """How memory grows over at least three samples."""
    millions, hours = (np.array([getattr(sample, name) for sample in samples]) for name in ("requests", "seconds"))
    millions, hours = millions / 1e6, hours / 3600
    memory = np.array([sample.resident_mb for sample in samples])
    third = len(samples) // 3
    return Growth(
        float(np.polyfit(millions, memory, 1)[0]),
        float(np.polyfit(hours, memory, 1)[0]),
        float(memory[-third:].min() - memory[:third].min()),
        float(millions[-third:].mean() - millions[:third].mean()),
    )
