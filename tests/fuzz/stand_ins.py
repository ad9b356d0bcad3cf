"""Decoders: one that counts its calls, and three that leak when they refuse, to prove that a leak is noticed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
Decoder = Callable[[Pixels, int], Pixels | None]  # encoded bytes (N,) uint8 and flags to pixels, as cv2.imdecode


class CountedDecoder:
    """The same decoder; `calls` is how often it was called."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.calls = decoder, 0

    def __call__(self, encoded: Pixels, flags: int) -> Pixels | None:
        self.calls += 1
        return self.decoder(encoded, flags)


class OutputKeeper(CountedDecoder):
    """Keeps the picture that it had begun, each time that it refuses one."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder)
        self.kept: list[Pixels] = []

    def __call__(self, encoded: Pixels, flags: int) -> Pixels | None:
        pixels = super().__call__(encoded, flags)
        if pixels is None:
            self.kept.append(np.zeros((16, 16), np.uint8))
        return pixels


class NoneDropper(CountedDecoder):
    """Gives back a reference to None that it does not have, each time that it refuses a picture."""

    def __call__(self, encoded: Pixels, flags: int) -> Pixels | None:
        pixels = super().__call__(encoded, flags)
        if pixels is None:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(None))
        return pixels


class MemoryLoser(CountedDecoder):
    """Forgets memory that Python does not know of, each time that it refuses a picture."""

    def __call__(self, encoded: Pixels, flags: int) -> Pixels | None:
        pixels = super().__call__(encoded, flags)
        if pixels is None:
            ctypes.pythonapi.PyMem_RawMalloc(4096)  # a page is touched by the allocator's own notes
        return pixels


DECODERS: dict[str, type[CountedDecoder]] = {
    "as-it-is": CountedDecoder,
    "keeps-output": OutputKeeper,
    "drops-none": NoneDropper,
    "loses-memory": MemoryLoser,
}


def install(name: str) -> CountedDecoder:
    """The decoder of that name, around OpenCV's, where the service finds it."""
    decoder = DECODERS[name](cv2.imdecode)
    cv2.imdecode = decoder  # type: ignore[assignment]
    return decoder
