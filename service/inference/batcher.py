"""Images that wait while the model is busy go through it together.

There is no timer: an idle model takes what is there at once, a busy one takes what has gathered when it is free again.
A model that is quicker than a change of threads runs on the event loop itself; images that arrive in one turn of the
loop then make one batch. A slower model runs on threads, as many as it has slots, and the loop goes on receiving and
decoding: on a GPU, the next batch is gathered and copied while one runs.

Who would wait too long is refused before anything is done for it. The wait is the images ahead of it times the measured
time of one, so the same bound in seconds holds for a model of ten microseconds and for one of a second.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Generic, Protocol, TypeVar

from service.errors import DeviceLostError, OverloadError
from service.inference.statistics import Statistics
from service.priority import step_back

logger = logging.getLogger("service")
LEARNING = 0.25  # share of a new measurement in the measured time of an image
LOOK_NS = 10_000_000
Item = TypeVar("Item")  # one image, or rows of a tensor
Taken = TypeVar("Taken", contravariant=True)
Result = TypeVar("Result")
Given = TypeVar("Given", covariant=True)


class Sink(Protocol[Taken]):
    """Where a result is left: an asyncio.Future, or what behaves like one."""

    def cancelled(self) -> bool:
        """Whether nobody waits for it any longer."""

    def set_result(self, result: Taken, /) -> None:
        """Leave the result."""

    def set_exception(self, error: BaseException, /) -> None:
        """Leave what went wrong instead."""


Entry = tuple[Item, Sink[Result], int, int]  # when it came, and when it is too late: time.perf_counter_ns()


class BatchModel(Protocol[Taken, Given]):
    """What the batcher needs of a model."""

    @property
    def max_batch(self) -> int:
        """Images."""

    @property
    def slots(self) -> int:
        """Threads that may call `run` at once."""

    @property
    def batch_s(self) -> float:
        """Seconds that a run of the largest batch took at the start."""

    @property
    def is_quick(self) -> bool:
        """Whether a run is over sooner than a change of threads pays."""

    def run(self, images: Sequence[Taken], /) -> Sequence[Given | Exception]:
        """A result for each image, or what is wrong with it; at most `max_batch` of them."""


class Batcher(Generic[Item, Result]):
    """The queue before one model. All methods belong to the event loop's thread."""

    def __init__(
        self,
        model: BatchModel[Item, Result],
        max_wait_s: float,
        statistics: Statistics,
        inline: bool | None = None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`inline` overrules the model's `is_quick`; `on_lost` is called when the model's device has failed."""
        self.model, self._on_lost = model, on_lost
        self.inline = model.is_quick if inline is None else inline
        self.statistics = statistics
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Entry[Item, Result]] = deque()
        self._slots = self._free = 1 if self.inline else model.slots  # runs that may be scheduled or under way
        self._runs: set[int] = set()  # when those under way began, time.perf_counter_ns()
        self._under_way = self._promised = 0  # images that run, and those that are being decoded
        self._max_wait_ns = int(max_wait_s * 1e9)
        self._least_ns = model.batch_s * 1e9 / model.max_batch  # of one image, at the start
        self._image_ns = self._least_ns  # as measured lately
        self._ended = self._looked = 0  # when the last run ended, and when those who left were last looked for
        self._seen = 0  # images that waited in the last turn of the event loop
        self._drained: asyncio.Future[None] | None = None  # set while `close` waits for the last run
        self._threads = None if self.inline else ThreadPoolExecutor(self._slots, "model", step_back)

    @property
    def waiting(self) -> int:
        """Images in the queue."""
        return len(self._waiting)

    @property
    def longest_run_s(self) -> float:
        """For how long the oldest run that has not ended has been under way."""
        return (perf_counter_ns() - min(self._runs)) / 1e9 if self._runs else 0.0

    def admit(self, now: int, waited_ns: int, until: int) -> None:
        """Let in a request that has waited so far and must be answered by then, before anything is done for it.

        Times are time.perf_counter_ns(). What is ahead may take long when it is no more than the runs under way and one
        batch: a model that is idle, or whose batch takes seconds, must be given something to do.

        Raises:
            OverloadError: It would wait for too long, or its answer would be too late.
        """
        ahead_ns = (len(self._waiting) + self._under_way + self._promised) * self._image_ns
        if waited_ns + ahead_ns > self._max_wait_ns:
            ahead_ns = self._refuse_long_wait(now, waited_ns)
        if now + ahead_ns + self._least_ns > until:
            raise OverloadError("the answer would come too late; try again, or allow more time", ahead_ns / 1e9)

    def _refuse_long_wait(self, now: int, waited_ns: int) -> float:
        """The time that what is ahead takes, where it may take long, or has become less by those who left."""
        self._forget_left(now)
        ahead = len(self._waiting) + self._under_way + self._promised
        ahead_ns = ahead * self._image_ns
        if waited_ns > self._max_wait_ns or (
            waited_ns + ahead_ns > self._max_wait_ns and ahead > (1 + self._slots) * self.model.max_batch
        ):
            wait_s, allowed_s = (waited_ns + ahead_ns) / 1e9, self._max_wait_ns / 1e9
            retry_s = max(1, math.ceil(ahead_ns / 1e9))
            raise OverloadError(
                f"the wait is {wait_s:.2g} s, at most {allowed_s:g} s are allowed; try again in {retry_s} s", retry_s
            )
        return ahead_ns

    def _forget_left(self, now: int) -> None:
        """Make room for others where clients have left, now and then: it looks at all that waits."""
        if now - self._looked > LOOK_NS:
            self._looked = now
            self._waiting = deque(entry for entry in self._waiting if not entry[1].cancelled())

    @contextmanager
    def promise(self, images: int) -> Iterator[None]:
        """Count images that have been let in and are being decoded as waiting."""
        self._promised += images
        try:
            yield
        finally:
            self._promised -= images

    def submit(self, images: Sequence[Item], until: int) -> list[asyncio.Future[Result]]:
        """One future for each image, of its result. A cancelled one is not run."""
        futures, now = [], perf_counter_ns()
        for image in images:
            future: asyncio.Future[Result] = self._loop.create_future()
            self.put(image, future, now, until)
            futures.append(future)
        return futures

    def put(self, image: Item, sink: Sink[Result], came: int, until: int) -> None:
        """Queue one image, whose result the sink is given; `came` is time.perf_counter_ns() now.

        It is not run when time.perf_counter_ns() has come to `until`.
        """
        self._waiting.append((image, sink, came, until))
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

    def _run(self, batch: list[Entry[Item, Result]]) -> None:
        """Run a batch, here or on a thread."""
        if not batch:
            return
        images, sinks, times, _ = zip(*batch, strict=True)
        started = perf_counter_ns()
        self.statistics.add_wait(started * len(times) - sum(times))
        if self._threads is None:
            try:
                self._answer(sinks, self.model.run(images), started)
            except Exception as error:
                self._fail(sinks, error)
            return
        self._runs.add(started)
        self._under_way += len(batch)
        run = self._loop.run_in_executor(self._threads, self.model.run, images)
        run.add_done_callback(lambda done: self._finish(sinks, done, started))

    def _finish(
        self, sinks: Sequence[Sink[Result]], done: asyncio.Future[Sequence[Result | Exception]], started: int
    ) -> None:
        self._runs.discard(started)
        self._under_way -= len(sinks)
        error = done.exception()
        if error is None:
            self._answer(sinks, done.result(), started)
        else:
            self._fail(sinks, error)
        self._run_next()

    def _take(self) -> list[Entry[Item, Result]]:
        """The next batch, without those whose client has left or whose time is over."""
        waiting, now = self._waiting, perf_counter_ns()
        while waiting:
            if len(waiting) <= self.model.max_batch:
                taken = list(waiting)
                waiting.clear()
            else:
                taken = [waiting.popleft() for _ in range(self.model.max_batch)]
            batch = [entry for entry in taken if entry[3] > now and not entry[1].cancelled()]
            if len(batch) < len(taken):
                late = OverloadError("the answer would have come too late; try again, or allow more time")
                self._refuse([entry[1] for entry in taken if entry[3] <= now], late)
            if batch:
                return batch
        return []

    def _answer(self, sinks: Sequence[Sink[Result]], results: Sequence[Result | Exception], started: int) -> None:
        ended = perf_counter_ns()
        self.statistics.add_run(len(sinks), ended - started)
        if 2 * len(sinks) > self.model.max_batch:  # as a queue makes them
            image_ns = (ended - max(started, self._ended)) / len(sinks)  # where runs overlap, what this one added
        else:  # an image takes longer than in a full batch; so one that took less than the estimate says it is wrong
            image_ns = min(self._image_ns, (ended - started) / len(sinks))
        self._image_ns += (image_ns - self._image_ns) * LEARNING
        self._ended = ended
        for sink, result in zip(sinks, results, strict=True):
            if sink.cancelled():  # its client has left meanwhile
                continue
            if isinstance(result, Exception):
                sink.set_exception(result)
            else:
                sink.set_result(result)

    def _fail(self, sinks: Sequence[Sink[Result]], error: BaseException) -> None:
        self.statistics.add_failure()
        if isinstance(error, DeviceLostError):
            self._on_lost()
        else:
            logger.error("A batch of %d images failed.", len(sinks), exc_info=error)
        self._refuse(sinks, error)

    def _refuse(self, sinks: Sequence[Sink[Result]], error: BaseException) -> None:
        for sink in sinks:
            if not sink.cancelled():
                sink.set_exception(error)
                if isinstance(sink, asyncio.Future):
                    sink.exception()  # it has been dealt with above, whether or not anybody awaits it
