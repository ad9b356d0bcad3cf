"""A model that takes as long as a test wants, before a batcher."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.counters import Counters
from service.inference.batcher import Batcher
from service.inference.model import Result
from service.inference.statistics import Statistics

NEVER = 1 << 62  # too late, in nanoseconds


class Echo:
    """A model that answers each image with its first pixel, and fails on a batch that holds a 255."""

    def __init__(self, max_batch: int = 4, delay_s: float = 0.0, slots: int = 1) -> None:
        self.max_batch, self.delay_s, self.slots, self.is_quick = max_batch, delay_s, slots, delay_s == 0
        self.batch_s = 0.001
        self.sizes: list[int] = []
        self.release = threading.Event()
        self.release.set()

    def run(self, images: Sequence[NDArray[np.uint8]]) -> list[Result]:
        assert 0 < len(images) <= self.max_batch
        self.release.wait(5)
        time.sleep(self.delay_s)
        self.sizes.append(len(images))
        first = [int(image.flat[0]) for image in images]
        if 255 in first:
            raise RuntimeError("the device is lost")
        return [(value, np.zeros(1, np.float32)) for value in first]


def make_batcher(
    model: Echo, max_wait_s: float = 0.1, inline: bool | None = None, **others: Any
) -> Batcher[NDArray[np.uint8], Result]:
    return Batcher(model, max_wait_s, Statistics(Counters(), "echo", 1), inline, **others)


def image(value: int) -> NDArray[np.uint8]:
    return np.full((1, 1, 1), value, np.uint8)
