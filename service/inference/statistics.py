"""What one model does, counted in cells that all workers add up."""

from __future__ import annotations

from bisect import bisect_left

from service.counters import GAUGE, Counters

BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # images


class Statistics:
    """The counts of one model in this worker; durations are in nanoseconds."""

    def __init__(self, counters: Counters, model: str, version: int) -> None:
        self.values = counters.values
        self.decode_ns, self.decodes = counters.cell("decode_ns", model), counters.cell("decodes", model)
        self._images, self._queue_ns = counters.cell("images", model, str(version)), counters.cell("queue_ns", model)
        self._run_ns, self._runs = counters.cell("run_ns", model), counters.cell("runs", model)
        self._failures, self._waiting = counters.cell("failures", model), counters.cell(f"{GAUGE}waiting", model)
        self._sizes = [counters.cell("batch", model, str(bound)) for bound in BATCH_BOUNDS]

    def add_decode(self, duration_ns: int) -> None:
        """Count a request's way from its body to pixels."""
        self.values[self.decode_ns] += duration_ns
        self.values[self.decodes] += 1

    def add_run(self, size: int, run_ns: int) -> None:
        """Count a run of the model on `size` images."""
        values = self.values
        values[self._run_ns] += run_ns
        values[self._runs] += 1
        values[self._images] += size
        values[self._sizes[min(bisect_left(BATCH_BOUNDS, size), len(BATCH_BOUNDS) - 1)]] += 1

    def add_wait(self, waited_ns: int) -> None:
        """Count the time that images have waited for a run."""
        self.values[self._queue_ns] += waited_ns

    def add_failure(self) -> None:
        """Count a run that failed."""
        self.values[self._failures] += 1

    def set_waiting(self, images: int) -> None:
        """Tell how many images wait now."""
        self.values[self._waiting] = images
