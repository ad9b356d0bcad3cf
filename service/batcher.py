"""Images that wait while the model is busy go through it together.

There is no timer: an idle model takes what is there at once, a busy one takes what has gathered when it is free again.
A model that is quicker than a change of threads runs on the event loop itself; images that arrive in one turn of the
loop then make one batch. A slower model runs on a thread of its own, and the loop goes on receiving and decoding.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.errors import OverloadError
from service.model import Result

logger = logging.getLogger("uvicorn.error")
INLINE_BATCH_S = 0.005  # the event loop may be held for this long, as long as CPython's own switch interval
Image = NDArray[np.uint8]
Entry = tuple[Image, asyncio.Future[Result]]


class Runner(Protocol):
    """What the batcher needs of a model."""

    max_batch: int  # images
    batch_s: float  # seconds of the largest batch

    def run(self, images: Sequence[Image]) -> list[Result]:
        """A result for each image, at most `max_batch` of them; called by one thread at a time."""


class Batcher:
    """The queue before one model. All methods belong to the event loop's thread."""

    def __init__(self, model: Runner, max_queue: int, inline: bool | None = None) -> None:
        self.model, self.max_queue = model, max_queue
        self.inline = model.batch_s <= INLINE_BATCH_S if inline is None else inline
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Entry] = deque()
        self._busy = False  # a run is scheduled or under way
        self._seen = 0  # images that waited in the last turn of the event loop
        self._drained: asyncio.Future[None] | None = None  # set while `close` waits for the last run
        self._thread = None if self.inline else ThreadPoolExecutor(1, thread_name_prefix="model")

    def submit(self, images: Sequence[Image]) -> list[asyncio.Future[Result]]:
        """One future for each image, of its result. A cancelled one is not run.

        Raises:
            OverloadError: The queue has no room for all of them; none is taken.
        """
        if len(self._waiting) + len(images) > self.max_queue:
            raise OverloadError(f"{len(self._waiting)} images are waiting, at most {self.max_queue} may; try again")
        futures = []
        for image in images:
            future = self._loop.create_future()
            self._waiting.append((image, future))
            futures.append(future)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._run_next)
        return futures

    async def close(self) -> None:
        """Answer what has been accepted, then stop."""
        if self._busy:
            self._drained = self._loop.create_future()
            await self._drained
        if self._thread is not None:
            self._thread.shutdown()

    def _run_next(self) -> None:
        if self._thread is None and self._seen < len(self._waiting) < self.model.max_batch:
            # The last turn of the loop brought images; what came in meanwhile is read in the next one, so give it one.
            self._seen = len(self._waiting)
            self._loop.call_soon(self._run_next)
            return
        self._seen = 0
        batch = self._take()
        if not batch:
            self._busy = False
            if self._drained is not None:
                self._drained.set_result(None)
            return
        images = [image for image, _ in batch]
        if self._thread is None:
            try:
                self._answer(batch, self.model.run(images))
            except Exception as error:
                self._fail(batch, error)
            self._loop.call_soon(self._run_next)
            return
        run = self._loop.run_in_executor(self._thread, self.model.run, images)
        run.add_done_callback(lambda done: self._finish(batch, done))

    def _finish(self, batch: list[Entry], done: asyncio.Future[list[Result]]) -> None:
        error = done.exception()
        if error is None:
            self._answer(batch, done.result())
        else:
            self._fail(batch, error)
        self._run_next()

    def _take(self) -> list[Entry]:
        """The next batch, without those whose client has left."""
        while self._waiting:
            count = min(len(self._waiting), self.model.max_batch)
            taken = [self._waiting.popleft() for _ in range(count)]
            batch = [entry for entry in taken if not entry[1].cancelled()]
            if batch:
                return batch
        return []

    def _answer(self, batch: list[Entry], results: list[Result]) -> None:
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    def _fail(self, batch: list[Entry], error: BaseException) -> None:
        logger.error("A batch of %d images failed.", len(batch), exc_info=error)
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
                future.exception()  # it has been logged above, whether or not anybody awaits it
