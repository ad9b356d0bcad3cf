"""Images that wait while the model is busy go through it together.

There is no timer: an idle model takes what is there at once, a busy one takes what has gathered when it is free again.
A model that is quicker than a change of threads runs on the event loop itself; images that arrive in one turn of the
loop then make one batch. A slower model runs on threads, as many as it has slots, and the loop goes on receiving and
decoding: on a GPU, the next batch is gathered and copied while one runs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceLostError, LimitError, OverloadError
from service.inference.model import Outcome, Result
from service.inference.statistics import Statistics

logger = logging.getLogger("service")
Image = NDArray[np.uint8]


class Sink(Protocol):
    """Where a result is left: an asyncio.Future, or what behaves like one."""

    def cancelled(self) -> bool:
        """Whether nobody waits for it any longer."""

    def set_result(self, result: Result, /) -> None:
        """Leave the result."""

    def set_exception(self, error: BaseException, /) -> None:
        """Leave what went wrong instead."""


Entry = tuple[Image, Sink, int]  # the time is when it came, time.perf_counter_ns()


class BatchModel(Protocol):
    """What the batcher needs of a model."""

    @property
    def max_batch(self) -> int:
        """Images."""

    @property
    def slots(self) -> int:
        """Threads that may call `run` at once."""

    @property
    def is_quick(self) -> bool:
        """Whether a run is over sooner than a change of threads pays."""

    def run(self, images: Sequence[Image]) -> Sequence[Outcome]:
        """A result for each image, or what is wrong with it; at most `max_batch` of them."""


class Batcher:
    """The queue before one model. All methods belong to the event loop's thread."""

    def __init__(
        self,
        model: BatchModel,
        max_queue: int,
        statistics: Statistics,
        inline: bool | None = None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`inline` overrules the model's `is_quick`; `on_lost` is called when the model's device has failed."""
        self.model, self.max_queue, self._on_lost = model, max_queue, on_lost
        self.inline = model.is_quick if inline is None else inline
        self.statistics = statistics
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Entry] = deque()
        self._slots = self._free = 1 if self.inline else model.slots  # runs that may be scheduled or under way
        self._runs: set[int] = set()  # when those under way began, time.perf_counter_ns()
        self._seen = 0  # images that waited in the last turn of the event loop
        self._drained: asyncio.Future[None] | None = None  # set while `close` waits for the last run
        self._threads = None if self.inline else ThreadPoolExecutor(self._slots, thread_name_prefix="model")

    @property
    def waiting(self) -> int:
        """Images in the queue."""
        return len(self._waiting)

    @property
    def longest_run_s(self) -> float:
        """For how long the oldest run that has not ended has been under way."""
        return (time.perf_counter_ns() - min(self._runs)) / 1e9 if self._runs else 0.0

    def submit(self, images: Sequence[Image]) -> list[asyncio.Future[Result]]:
        """One future for each image, of its result. A cancelled one is not run.

        Raises:
            OverloadError: The queue has no room for all of them now; none is taken.
            LimitError: It never has.
        """
        if len(images) > self.max_queue:
            raise LimitError(f"the request has {len(images)} images; at most {self.max_queue} may wait")
        if len(self._waiting) + len(images) > self.max_queue:
            raise OverloadError(f"{len(self._waiting)} images are waiting, at most {self.max_queue} may; try again")
        futures, now = [], time.perf_counter_ns()
        for image in images:
            future = self._loop.create_future()
            self.put(image, future, now)
            futures.append(future)
        return futures

    def put(self, image: Image, sink: Sink, came: int) -> None:
        """Queue one image, whose result the sink is given; `came` is time.perf_counter_ns() now.

        Raises:
            OverloadError: The queue has no room for it now.
        """
        if len(self._waiting) >= self.max_queue:
            raise OverloadError(f"{len(self._waiting)} images are waiting, at most {self.max_queue} may; try again")
        self._waiting.append((image, sink, came))
        if self._threads is None and len(self._waiting) >= self.model.max_batch:
            self._run(self._take())  # it gains nothing by waiting, and a crowd would fill the queue meanwhile
        elif self._free:
            self._free -= 1
            self._loop.call_soon(self._run_next)

    async def close(self) -> None:
        """Answer what has been accepted, then stop."""
        if self._free < self._slots:
            self._drained = self._loop.create_future()
            await self._drained
        if self._threads is not None:
            self._threads.shutdown()

    def _run_next(self) -> None:
        if self._threads is None and self._seen < len(self._waiting) < self.model.max_batch:
            # The last turn of the loop brought images; what came in meanwhile is read in the next one, so give it one.
            self._seen = len(self._waiting)
            self._loop.call_soon(self._run_next)
            return
        self._seen = 0
        batch = self._take()
        if not batch:
            self._free += 1
            if self._drained is not None and self._free == self._slots:
                self._drained.set_result(None)
            return
        self._run(batch)
        if self._threads is None:
            self._loop.call_soon(self._run_next)

    def _run(self, batch: list[Entry]) -> None:
        """Run a batch, here or on a thread."""
        if not batch:
            return
        images, sinks, times = zip(*batch, strict=True)
        started = time.perf_counter_ns()
        self.statistics.add_wait(started * len(times) - sum(times))
        if self._threads is None:
            try:
                self._answer(sinks, self.model.run(images), started)
            except Exception as error:
                self._fail(sinks, error)
            return
        self._runs.add(started)
        run = self._loop.run_in_executor(self._threads, self.model.run, images)
        run.add_done_callback(lambda done: self._finish(sinks, done, started))

    def _finish(self, sinks: Sequence[Sink], done: asyncio.Future[Sequence[Outcome]], started: int) -> None:
        self._runs.discard(started)
        error = done.exception()
        if error is None:
            self._answer(sinks, done.result(), started)
        else:
            self._fail(sinks, error)
        self._run_next()

    def _take(self) -> list[Entry]:
        """The next batch, without those whose client has left."""
        waiting = self._waiting
        while waiting:
            if len(waiting) <= self.model.max_batch:
                taken = list(waiting)
                waiting.clear()
            else:
                taken = [waiting.popleft() for _ in range(self.model.max_batch)]
            batch = [entry for entry in taken if not entry[1].cancelled()]
            if batch:
                return batch
        return []

    def _answer(self, sinks: Sequence[Sink], results: Sequence[Outcome], started: int) -> None:
        self.statistics.add_run(len(sinks), time.perf_counter_ns() - started)
        for sink, result in zip(sinks, results, strict=True):
            if sink.cancelled():  # its client has left meanwhile
                continue
            if isinstance(result, Exception):
                sink.set_exception(result)
            else:
                sink.set_result(result)

    def _fail(self, sinks: Sequence[Sink], error: BaseException) -> None:
        self.statistics.add_failure()
        if isinstance(error, DeviceLostError):
            self._on_lost()
        else:
            logger.error("A batch of %d images failed.", len(sinks), exc_info=error)
        for sink in sinks:
            if not sink.cancelled():
                sink.set_exception(error)
                if isinstance(sink, asyncio.Future):
                    sink.exception()  # it has been dealt with above, whether or not anybody awaits it
