"""Memory that is free goes back to the system between the steps of a conversion, each of which copies all weights."""

import ctypes
import gc
import sys
from contextlib import suppress


def give_back() -> None:
    """Return what is free, and what only circles of objects hold: the graphs of TensorFlow and tf2onnx are such."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another libc than GNU's
            ctypes.CDLL("libc.so.6").malloc_trim(0)
