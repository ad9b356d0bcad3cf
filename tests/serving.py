"""A real server in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

RUNNING = re.compile(r"Uvicorn running on (http://\S+)")
START_TIMEOUT_S = 60


class Server(NamedTuple):
    """A running server."""

    url: str  # without a slash at its end
    process: subprocess.Popen[str]
    log: list[str]  # lines so far


@contextmanager
def serve(environment: Mapping[str, str], *options: str, app: str = "service:app") -> Iterator[Server]:
    """Start `uvicorn <app>` on a free port, wait until it is ready, stop it in the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", app, "--port", "0", "--no-access-log", *options],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        log: list[str] = []
        ready = threading.Event()
        address = ""

        def read() -> None:
            nonlocal address
            assert process.stderr is not None
            for line in process.stderr:
                log.append(line.rstrip())
                found = RUNNING.search(line)
                if found:
                    address = found[1]
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert ready.wait(START_TIMEOUT_S), log
            assert address, "\n".join(log)
            yield Server(address, process, log)
        finally:
            process.terminate()
            process.wait(30)
            reader.join()
