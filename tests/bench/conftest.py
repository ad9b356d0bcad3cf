from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.mnist import cached_file
from bench.server import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]
Answer = Callable[[int, bytes], tuple[int, bytes]]  # number of the request and its body to status and body


@pytest.fixture(scope="session")
def mnist() -> Path:
    """A local mnist.npz."""
    for path in (Path(os.environ.get("MNIST_NPZ", "")), cached_file()):
        if path.is_file():
            return path
    pytest.skip("no mnist.npz: set MNIST_NPZ, or run `python -m bench` once to download it")


@pytest.fixture(scope="session")
def model() -> Path:
    """The committed MNIST model."""
    folder = ROOT / "models" / "mnist"
    if not list(folder.glob("*/model.onnx")):
        pytest.skip(f"no model in {folder}: run `make convert`")
    return folder


@pytest.fixture
def bench(mnist: Path) -> Run:
    """Runs `python -m bench` with the test set."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "MNIST_NPZ": str(mnist), **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], str]]:
    """Starts a server whose answers a function gives, and returns its address; status 0 closes the connection."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(answer))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/mnist/classify"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def make_handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    count = iter(range(10**9))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content = answer(next(count), body)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Handler


def file_name(body: bytes) -> str:
    """Name of the uploaded file."""
    return body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()


def right_answer(body: bytes) -> bytes:
    """What a perfect model answers."""
    fn = file_name(body)
    return json.dumps({"cls": int(fn.split("-")[1].removesuffix(".png")), "fn": fn}).encode()
