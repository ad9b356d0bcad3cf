"""A real server in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import httpx

RUNNING = re.compile(r"Uvicorn running on (http://\S+)")
START_TIMEOUT_S = 60


class Server(NamedTuple):
    """A running server."""

    url: str  # without a slash at its end
    process: subprocess.Popen[str]
    log: list[str]  # lines so far


@contextmanager
def serve_workers(environment: Mapping[str, str], *options: str, under: Sequence[str] = ()) -> Iterator[Server]:
    """Start `python -m service` on a free port, wait until all its workers are ready, stop it in the end."""
    with _run([*under, sys.executable, "-m", "service", "--port", "0", *options], environment) as server:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _is_ready(server.url):
            assert server.process.poll() is None, "\n".join(server.log)
            assert time.monotonic() < deadline, "\n".join(server.log)
            time.sleep(0.05)
        yield server


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def serve(environment: Mapping[str, str], *options: str, app: str = "service:app") -> Iterator[Server]:
    """Start `uvicorn <app>` on a free port, wait until it is ready, stop it in the end."""
    command = [sys.executable, "-m", "uvicorn", app, "--port", "0", "--no-access-log", *options]
    with _run(command, environment) as server:
        yield server


@contextmanager
def _run(command: list[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """A server whose address has been read from its log."""
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True) as process:
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
