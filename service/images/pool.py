"""Threads for pictures that would hold up the event loop.

What is decoded and what waits for it is bounded in pixels, for all requests together. A request is one job, and ends
between two of its pictures when nobody waits for it any longer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from service.errors import OverloadError
from service.images.decoding import ONLY_PNG, claim_pixels
from service.images.formats import Data
from service.images.preprocessing import Target
from service.priority import step_back

Result = TypeVar("Result")
File = tuple[Data, str]  # content and name
Read = Callable[[Data, str, Target, int, Sequence[str]], Result]


class DecoderPool:
    """Decodes on threads of its own. All methods belong to the event loop's thread."""

    def __init__(
        self, threads: int, max_pixels: int, max_waiting_pixels: int, formats: Sequence[str] = ONLY_PNG
    ) -> None:
        """`max_pixels` is for one picture, `max_waiting_pixels` for all that wait or are being decoded."""
        self.max_pixels, self.max_waiting_pixels, self.formats = max_pixels, max_waiting_pixels, formats
        self.waiting_pixels = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decoder", initializer=step_back)

    async def read(self, files: Sequence[File], target: Target, read_file: Read[Result]) -> list[Result]:
        """What `read_image` or `see_image` gives of each file; cancelled, it decodes no further file.

        Raises:
            ImageError, LimitError: A file is not a good picture, or too large.
            OverloadError: Too many pixels are waiting.
        """
        pixels = sum(claim_pixels(data, self.formats) for data, _ in files)
        if self.waiting_pixels and self.waiting_pixels + pixels > self.max_waiting_pixels:
            waiting, allowed = self.waiting_pixels, self.max_waiting_pixels
            raise OverloadError(f"{waiting} pixels are waiting to be decoded, at most {allowed} may; try again")
        self.waiting_pixels += pixels
        left = threading.Event()

        def read_all() -> list[Result]:
            bounds = self.max_pixels, self.formats
            return [read_file(data, name, target, *bounds) for data, name in files if not left.is_set()]

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
