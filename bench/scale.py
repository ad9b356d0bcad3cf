"""`python -m bench.scale`: what ten thousand, a million and a hundred million pictures a day need, as Markdown tables.

Arithmetic on figures that were measured, and on assumptions that are named; nothing is run. One picture a request.

    mean     = pictures a day / 86,400, a second
    peak     = mean * PEAK
    cores    = peak / (a second of one core * BUSY), rounded up; a worker for each
    machines = cores / CORES, rounded up, and one more, so that one may fail
    memory   = of each machine: its workers * of one + of the supervisor
    network  = peak * bytes of a request * 8
    work     = pictures a day / a second of one core: what nobody can save by waiting
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from bench.tables import as_markdown

DAY_S, LOADS = 86_400, (10_000, 1_000_000, 100_000_000)  # pictures a day


class Input(NamedTuple):
    """A number, and who says it."""

    value: float
    unit: str
    meaning: str
    source: str  # a file in which `words` stand, or what it is if no file has it
    words: str = ""


class Kind(NamedTuple):
    """What is sent."""

    name: str
    rate: Input  # of one core
    size: Input  # of a request
    worker: Input  # its memory


ASSUMED, COUNTED = "assumed", "counted, by bench/upload.py"
PEAK = Input(5, "times", "the busiest second, of the day's mean", ASSUMED)
BUSY = Input(0.6, "", "of a core at the peak, so that nothing waits for long", ASSUMED)
CORES = Input(16, "cores", "of a machine", ASSUMED)
LINK = Input(10, "Gbit/s", "the way in, of all machines together", ASSUMED)
SUPERVISOR = Input(42, "MB", "a supervisor: 148 less its worker", "bench/results/compare.md", "| 148 | 0.42 |")
DIGITS = Kind(
    "digits",
    Input(20_130, "a second", "digits, of one core of two: 40,260 / 2", "docs/benchmark.md", "| 40,260 ("),
    Input(591, "bytes", "a form with a digit of 28x28, the mean of imgs/", COUNTED),
    Input(106, "MB", "a worker that has classified digits", "bench/results/compare.md", "| 106 | 0.35 |"),
)
PHOTOGRAPHS = Kind(
    "photographs",
    Input(78.7, "a second", "photographs, MobileNetV2, of one core: 1 / 12.7 ms", "bench/LOG.md", "12.7 ms of"),
    Input(458_270, "bytes", "a form with a PNG of 512x512, the mean of bench/photos/pictures.py", COUNTED),
    Input(650, "MB", "a worker with sixteen pictures of 33 million pixels", "docs/deploying.md", "650 MB with sixteen"),
)
INPUTS = [*DIGITS[1:], *PHOTOGRAPHS[1:], SUPERVISOR, PEAK, BUSY, CORES, LINK]


class Need(NamedTuple):
    """What a load needs, in the words of the arithmetic above."""

    mean: float
    peak: float
    cores: int
    machines: int
    memory_mb: float
    network_mbit_s: float
    work_s: float


def plan(kind: Kind, pictures: int) -> Need:
    """The arithmetic above."""
    mean = pictures / DAY_S
    peak = mean * PEAK.value
    cores = ceil(peak / (kind.rate.value * BUSY.value))
    machines = ceil(cores / CORES.value)
    memory = ceil(cores / machines) * kind.worker.value + SUPERVISOR.value
    network = peak * kind.size.value * 8 / 1e6
    return Need(mean, peak, cores, machines + 1, memory, network, pictures / kind.rate.value)


def find_limits(kind: Kind) -> dict[str, float]:
    """Pictures a day at which each thing is full in the busiest second."""
    core = kind.rate.value * BUSY.value / PEAK.value * DAY_S
    link = LINK.value * 1e9 / 8 / kind.size.value / PEAK.value * DAY_S
    return {"one core": core, "one machine": core * CORES.value, "the link": link}


def write_tables() -> str:
    """The inputs, what each load needs, and what is full when."""
    inputs = [["input", "what it is", "source"]]
    inputs += [[f"{show(each.value)} {each.unit}".strip(), each.meaning, each.source] for each in INPUTS]
    units = ["mean a second", "peak a second", "cores", "machines", "MB of each", "Mbit/s", "seconds of a core"]
    needs, limits = [["a day", *units, "too much for"]], [["full at, a day", *find_limits(DIGITS)]]
    for kind in (DIGITS, PHOTOGRAPHS):
        full = find_limits(kind)
        limits.append([kind.name, *(f"{show(value / 1e6)} million" for value in full.values())])
        for load in LOADS:
            over = ", ".join(name for name, value in full.items() if load > value)
            needs.append([f"{load:,} {kind.name}", *map(show, plan(kind, load)), over or "nothing"])
    return "\n\n".join(map(as_markdown, (inputs, needs, limits)))


def show(value: float) -> str:
    """Three digits, but for whole numbers, which keep all."""
    return f"{value:,.0f}" if value == int(value) else f"{float(f'{value:.3g}'):,.10g}"


if __name__ == "__main__":
    print(write_tables())
