"""A server as a process: started on a free port, awaited until it is ready, stopped with all its children."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bench.errors import ServerError
from bench.processes import family, kill

ROOT = Path(__file__).resolve().parent.parent  # of the project
READY_PATH = "/v2/health/ready"  # of this service
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.005


class Server(NamedTuple):
    """A ready server."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float  # from the start of the process to the first good answer
    log: BinaryIO  # what it has written

    def read_log(self) -> str:
        """All that it has written so far."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


def service_command(port: int) -> list[str]:
    """How the README starts this service."""
    return [sys.executable, "-m", "service", "--port", str(port)]


def free_port() -> int:
    """A TCP port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Callable[[int], Sequence[str | Path]],
    ready_path: str,
    environment: Mapping[str, str] | None = None,
    cores: Collection[int] | None = None,
    folder: Path = ROOT,
) -> Iterator[Server]:
    """A server whose command line is `command(port)`; all its processes run on `cores` only, where given.

    Raises:
        ServerError: It ends, or does not answer 200 to GET `ready_path` in time; its last words are in the message.
    """
    port = free_port()
    words = [str(word) for word in command(port)]

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if cores:
            os.sched_setaffinity(0, cores)

    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        # An interrupt within Popen would leave a process that nobody knows.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that a Ctrl+C reaches this command only, which then stops it
            preexec_fn=begin,
        )
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _await_ready(process, port, ready_path)
            yield Server(process, port, time.perf_counter() - started, log)
        except ServerError as error:
            log.seek(0)
            words_of_server = log.read().decode(errors="replace").strip()[-2000:]
            raise ServerError(f"{error}: {' '.join(words)}\n{words_of_server}".rstrip()) from None
        finally:
            _stop(process)


def _await_ready(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _answers(port, path):
        if process.poll() is not None:
            raise ServerError(f"the server ended with exit code {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise ServerError(f"the server was not ready after {READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    members = family(process.pid)
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    kill(members)
    process.wait()
