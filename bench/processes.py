"""A server's processes: found, weighed, and ended. Linux only, like the comparison.

Source of the fields: proc_pid_stat(5).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What processes use together."""

    resident_mb: float  # 1,000,000 bytes; pages that processes share count in each
    cpu_s: float  # since their start


def family(pid: int) -> set[int]:
    """A process and all its living descendants, but not those whose parent has ended before."""
    children: dict[int, list[int]] = {}
    for other, fields in _all_stats().items():
        children.setdefault(int(fields[1]), []).append(other)
    found, new = {pid}, [pid]
    while new:
        new = [child for parent in new for child in children.get(parent, ())]
        found.update(new)
    return found


def read_usage(pid: int) -> Usage:
    """Usage of a process and all its descendants."""
    stats = _all_stats()
    members = [stats[member] for member in family(pid) if member in stats]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in members)
    pages = sum(int(fields[21]) for fields in members)
    return Usage(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, ticks / os.sysconf("SC_CLK_TCK"))


def kill(members: Collection[int]) -> None:
    """End what is left of a family."""
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _all_stats() -> dict[int, list[str]]:
    """Of every process the fields of its stat file from the third one, the state."""
    stats = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            stats[int(file.parent.name)] = file.read_text().rsplit(")", 1)[1].split()
    return stats
