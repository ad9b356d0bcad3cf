"""What happens, counted by each worker, and added up for all of them.

Workers share a page of memory. Each writes to a region of its own, by plain additions; readers add the regions up. A
region outlives its worker and keeps its counts, and a later worker goes on with it, so no sum ever falls.

    page = regions, each: state (STATE int64) | values (CELLS int64) | names of the values, one a line (NAME_BYTES)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

STATE, CELLS, NAME_BYTES = 8, 8192, 192 * 1024
REGION_BYTES = 8 * (STATE + CELLS) + NAME_BYTES
NAMES_END, BEAT_NS, PHASE, ORDERED = range(4)  # of the state
STARTING, READY, ENDING = 1, 2, 3  # phases
FRESH_S = 3.0  # a worker that has not beaten for longer does not respond
ORDER = "order"  # the kind of the values that say what is to be loaded
GAUGE = "~"  # first letter of a name whose value counts while its worker lives

Labels = tuple[str, ...]


class Worker(NamedTuple):
    """What a region says of its worker."""

    phase: int
    responds: bool


class Counters:
    """The page, and the region of this worker in it. Cells are for the event loop's thread only."""

    def __init__(self, page: memoryview | None = None, region: int = 0, wanted: int = 1) -> None:
        """Without a page, one for this process alone; `wanted` workers there should be."""
        self._page = memoryview(bytearray(REGION_BYTES)) if page is None else page
        self.wanted = wanted
        self._state, self.values, self._names = _split(self._page, region)
        self._cells: dict[Labels, int] = {name: cell for cell, name in enumerate(_read_names(self._state, self._names))}
        for name, cell in self._cells.items():
            if name[0].startswith(GAUGE):
                self.values[cell] = 0
        self._state[PHASE] = STARTING
        self.beat()

    def cell(self, *name: str) -> int:
        """Index in `values` of what is called so; the last cell takes all that has no room."""
        if name not in self._cells:
            line = "\t".join(name).encode() + b"\n"
            end = self._state[NAMES_END]
            if len(self._cells) >= CELLS - 1 or end + len(line) > NAME_BYTES:
                return CELLS - 1
            self._cells[name] = len(self._cells)
            self._names[end : end + len(line)] = line
            self._state[NAMES_END] = end + len(line)  # from here on, readers see it
        return self._cells[name]

    def add(self, amount: int, *name: str) -> None:
        """Add to what is called so."""
        self.values[self.cell(*name)] += amount

    def beat(self) -> None:
        """Say that this worker responds."""
        self._state[BEAT_NS] = time.monotonic_ns()

    def enter(self, phase: int) -> None:
        """Say what this worker is about."""
        self._state[PHASE] = phase
        self.beat()

    @property
    def responds(self) -> bool:
        """Whether this worker has beaten lately."""
        return bool(self._state[BEAT_NS] > _latest())

    def workers(self) -> list[Worker]:
        """The workers that there are now."""
        latest = _latest()
        states = [state for state, _, _ in self._regions() if state[PHASE]]
        return [Worker(state[PHASE], state[BEAT_NS] > latest) for state in states]

    @property
    def are_ready(self) -> bool:
        """Whether as many workers as there should be are ready and respond, and none does not respond."""
        workers = self.workers()
        ready = sum(worker.phase == READY for worker in workers)
        return ready >= self.wanted and all(worker.responds for worker in workers)

    def totals(self) -> dict[Labels, int]:
        """Sum of each value over all workers; of a gauge, over those that respond."""
        latest = _latest()
        sums: dict[Labels, int] = {}
        for state, values, names in self._regions():
            for name, value in zip(_read_names(state, names), values, strict=False):
                if not name[0].startswith(GAUGE) or (state[PHASE] and state[BEAT_NS] > latest):
                    sums[name] = sums.get(name, 0) + value
        return sums

    def each(self, *name: str) -> list[int]:
        """What every worker that is ready and responds has there; nothing, where there is no room for that name."""
        if self.cell(*name) == CELLS - 1:
            return []
        latest = _latest()
        found = []
        for state, values, names in self._regions():
            if state[PHASE] == READY and state[BEAT_NS] > latest:
                cells = {each: cell for cell, each in enumerate(_read_names(state, names))}
                found.append(values[cells[name]] if name in cells else 0)
        return found

    def order(self, name: str, unload: bool) -> int:
        """Say to all workers that a model is to be loaded or unloaded; returns the order's stamp, odd for unloading.

        A later order has a greater stamp, whichever worker gives it.
        """
        stamp = time.monotonic_ns() << 1 | unload
        self.values[self.cell(ORDER, name)] = stamp
        self._state[ORDERED] = stamp
        return stamp

    @property
    def last_order(self) -> int:
        """Stamp of the last order that any worker has given, 0 if there is none."""
        return max(state[ORDERED] for state, _, _ in self._regions())

    def orders(self) -> dict[str, int]:
        """Stamp of the last order for each model that there is one for."""
        stamps: dict[str, int] = {}
        for state, values, names in self._regions():
            for (kind, *labels), value in zip(_read_names(state, names), values, strict=False):
                if kind == ORDER:
                    stamps[labels[0]] = max(value, stamps.get(labels[0], 0))
        return stamps

    def _regions(self) -> Iterator[tuple[memoryview, memoryview, memoryview]]:
        return (_split(self._page, region) for region in range(len(self._page) // REGION_BYTES))


def _latest() -> int:
    """By the clock of beats, who has not beaten since does not respond."""
    return time.monotonic_ns() - int(FRESH_S * 1e9)


def leave(page: memoryview, region: int) -> None:
    """Say that the worker of a region has ended; its counts stay."""
    _split(page, region)[0][PHASE] = 0


def _split(page: memoryview, region: int) -> tuple[memoryview, memoryview, memoryview]:
    whole = page[region * REGION_BYTES : (region + 1) * REGION_BYTES]
    numbers = whole[: 8 * (STATE + CELLS)].cast("q")
    return numbers[:STATE], numbers[STATE:], whole[8 * (STATE + CELLS) :]


def _read_names(state: memoryview, names: memoryview) -> Iterator[Labels]:
    return (tuple(line.split("\t")) for line in bytes(names[: state[NAMES_END]]).decode().splitlines())


class StatusCounts:
    """Answers of one route, for one model where it has one, by HTTP status."""

    def __init__(self, counters: Counters, route: str, model: str = "", invalid: int = 404) -> None:
        self._counters, self._name = counters, ("requests", route, model)
        # The usual ones are there from the start, or Prometheus would not see the first of each.
        usual = (200, invalid, 500, 503) if model else ()
        self._values = counters.values
        self._cells = {status: counters.cell(*self._name, str(status)) for status in usual}

    def add(self, status: int) -> None:
        """Count one answer."""
        cell = self._cells.get(status)
        if cell is None:
            cell = self._cells[status] = self._counters.cell(*self._name, str(status))
        self._values[cell] += 1


class _Process:
    """The counters of this process, adopted from a supervisor or its own."""

    counters: Counters | None = None


def adopt(page: memoryview, region: int, wanted: int) -> None:
    """Count in a region of a page that other workers see, of which there should be `wanted`; before all else."""
    _Process.counters = Counters(page, region, wanted)


def current() -> Counters:
    """The counters of this process."""
    if _Process.counters is None:
        _Process.counters = Counters()
    return _Process.counters
