"""Threads for pictures that would hold up the event loop.

What is decoded and what waits for it is bounded in pixels, for all requests together. A request is one job, and ends
between two of its pictures when nobody waits for it any longer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from service.errors import OverloadError
from service.images.png import Data, claim_pixels
from service.images.preprocessing import Pixels, Target
from service.images.reading import read_image

NICENESS = 10  # of the threads: the event loop goes first when there are fewer cores than threads
Result = TypeVar("Result")
File = tuple[Data, str]  # content and name


class DecoderPool:
    """Decodes on threads of its own. All methods belong to the event loop's thread."""

    def __init__(self, threads: int, max_pixels: int, max_waiting_pixels: int) -> None:
        """`max_pixels` is for one picture, `max_waiting_pixels` for all that wait or are being decoded."""
        self.max_pixels, self.max_waiting_pixels = max_pixels, max_waiting_pixels
        self.waiting_pixels = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decoder", initializer=_step_back)

    async def read(self, files: Sequence[File], target: Target) -> list[Pixels]:
        """The model's view of each file, as `read_image` gives it; cancelled, it decodes no further file.

        Raises:
            ImageError, LimitError: A file is not a valid PNG, or too large.
            OverloadError: Too many pixels are waiting.
        """
        pixels = sum(claim_pixels(data) for data, _ in files)
        if self.waiting_pixels and self.waiting_pixels + pixels > self.max_waiting_pixels:
            waiting, allowed = self.waiting_pixels, self.max_waiting_pixels
            raise OverloadError(f"{waiting} pixels are waiting to be decoded, at most {allowed} may; try again")
        self.waiting_pixels += pixels
        left = threading.Event()

        def read_all() -> list[Pixels]:
            return [read_image(data, name, target, self.max_pixels) for data, name in files if not left.is_set()]

        def end(_: object) -> None:
            self.waiting_pixels -= pixels

        try:
            return await self.run(read_all, end)
        finally:
            left.set()

    async def run(self, work: Callable[[], Result], end: Callable[[object], None] | None = None) -> Result:
        """What `work` returns, done on a thread; `end` is called on the event loop when the thread is free again."""
        future: Future[Result] = self._threads.submit(work)
        if end is not None:
            loop = asyncio.get_running_loop()
            future.add_done_callback(lambda done: loop.call_soon_threadsafe(end, done))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the threads, once they have done what they have."""
        self._threads.shutdown()


def _step_back() -> None:
    """Let the event loop go first: the kernel's time slices are longer than a small request takes."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
