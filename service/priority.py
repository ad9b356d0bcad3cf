"""The priority of threads: the event loop goes first when there are fewer cores than threads."""

from __future__ import annotations

import os
import sys
import threading

NICENESS = 10  # the kernel's time slices are longer than a small request takes


def step_back() -> None:
    """Let the event loop go before the calling thread, and before the threads that it starts."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
