"""Ctrl-C ends a command with one line and exit status 130, also while it imports what takes seconds."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STATUS = 128 + signal.SIGINT  # as a shell has it


def leave_at_once(line: str) -> None:
    """From now on, Ctrl-C writes the line and ends the process where it stands.

    An exception would not do while libraries are imported: left half imported, they raise what they like instead, and
    write tracebacks while Python ends.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return  # as a shell has it for its background jobs
    stream = os.dup(2)  # which is turned away while TensorFlow speaks

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(stream, f"{line}\n".encode())
        os._exit(STATUS)

    signal.signal(signal.SIGINT, leave)


@contextmanager
def tidying() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt in the block, to remove files and stop servers; then the process ends."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stdout.flush()
        if not callable(before):
            raise
        before(signal.SIGINT, None)  # Python's own handler raises again
    finally:
        signal.signal(signal.SIGINT, before)
