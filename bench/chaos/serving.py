"""The server of a trial, and small requests to it."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench import server
from bench.client import Answer
from bench.generator import send_all
from bench.processes import family, read_usage
from bench.upload import BOUNDARY, Upload, multipart, post

PATH = "/mnist/classify"
SAMPLE = Path("imgs/0-7.png")
MB = 1e6


def start(*options: str, app: str = "service:app", **environment: str) -> AbstractContextManager[server.Server]:
    """The service on a free port, with further options of uvicorn's and further environment variables."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "uvicorn", app, "--no-access-log", "--port", str(port), *options]

    return server.running(command, server.READY_PATH, environment)


def start_service(*options: str, descriptors: int = 0, **environment: str) -> AbstractContextManager[server.Server]:
    """`python -m service` on a free port, with further options, environment variables, and fewer descriptors."""
    way = ["--way", os.environ.get("CHAOS_WAY", "fast")]
    limit = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh"] if descriptors else []

    def command(port: int) -> list[str]:
        return [*limit, sys.executable, "-m", "service", "--port", str(port), *way, *options]

    return server.running(command, server.READY_PATH, environment)


def workers_of(started: server.Server) -> list[int]:
    """Process ids of the workers: the supervisor's children that serve."""
    return [pid for pid in sorted(family(started.process.pid)) if is_worker(pid)]


def is_worker(pid: int) -> bool:
    """Whether a process is one of multiprocessing's workers."""
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def make_request(files: Sequence[tuple[str, bytes]], path: str = PATH, headers: bytes = b"") -> Upload:
    """One request that uploads the files, (name, content)."""
    content_type, end = multipart(b"", "")
    end = end[end.rindex(b"--" + BOUNDARY) :]
    body = b"".join(multipart(content, name)[1].removesuffix(end) for name, content in files) + end
    return Upload(files[0][0], 0, post(urlsplit(f"http://127.0.0.1{path}"), content_type, body, headers))


def count_statuses(port: int, uploads: Iterable[Upload], connections: int) -> Counter[int]:
    """How often each status came back; 0 for a lost connection."""
    statuses: Counter[int] = Counter()

    def receive(answer: Answer) -> None:
        statuses[answer.status] += 1

    send_all(port, uploads, connections, receive)
    return statuses


def get(port: int, path: str) -> tuple[int, Any]:
    """Status and JSON of a GET; status 0 when there is no answer within seconds."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")
    except OSError:
        return 0, None


def resident_mb(started: server.Server) -> float:
    """Memory of all processes of a server."""
    return read_usage(started.process.pid).resident_mb


def settle(started: server.Server, seconds: float = 5.0, poll_s: float = 0.2) -> float:
    """The least memory of a server within some seconds, in MB: what it really keeps."""
    end, least = time.monotonic() + seconds, np.inf
    while time.monotonic() < end:
        least = min(least, resident_mb(started))
        time.sleep(poll_s)
    return float(least)
