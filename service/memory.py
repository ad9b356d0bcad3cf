"""Memory that is free goes back to the system, which the C library alone does not see to."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress


def give_back() -> None:
    """Return what is free, and what only circles of objects hold: connections that have ended are such."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another libc than GNU's
            ctypes.CDLL("libc.so.6").malloc_trim(0)
