"""Keeps TensorFlow's and tf2onnx's log noise off the terminal.

TensorFlow's C++ side writes to file descriptor 2 while it is imported, before any log level of its own applies, so the
descriptor itself is turned away for the duration. Python exceptions are not affected: they travel unprinted.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def prepare_environment() -> None:
    """Set what TensorFlow and ONNX Runtime read when they are first imported. Call it before importing either."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # no side of the comparison needs a GPU; TensorFlow would take all of it


@contextmanager
def silenced(active: bool = True) -> Iterator[None]:
    """Discard what is written to file descriptor 2, and all warnings, inside the block."""
    if not active:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
