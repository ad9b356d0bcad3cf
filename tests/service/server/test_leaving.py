"""Clients that leave while they wait: nothing is run for them. One that has only ended its side gets its answer."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from bench.chaos.slow import slow_model
from tests.service.conftest import WAYS, png_bytes
from tests.serving import Server, serve

PICTURE = png_bytes(np.full((28, 28), 51, np.uint8))
TENSOR = json.dumps(
    {"inputs": [{"name": "image", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [51] * 28 * 28}]}
).encode()
INFER = b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(TENSOR) + TENSOR
ASK = b"POST /slow/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(PICTURE)


@pytest.fixture(scope="module", params=["protocol", "fast"])
def slow(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("models")
    slow_model(folder / "slow/1/model.onnx", 0.4)
    way = WAYS["fast"] if request.param == "fast" else ("--http", "service.server.protocol:BoundedProtocol")
    with serve({"SERVICE_MODELS": str(folder), "SERVICE_THREADS": "1", "SERVICE_MAX_WAIT_S": "9"}, *way) as server:
        yield server


def ask(server: Server, request: bytes = ASK + PICTURE) -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.sendall(request)
    time.sleep(0.02)
    return connection


def count_images(server: Server) -> int:
    found = re.search(r"^service_images_total\{.*\} (\d+)", httpx.get(f"{server.url}/metrics").text, re.MULTILINE)
    assert found
    return int(found[1])


@pytest.mark.parametrize("request_", [ASK + PICTURE, INFER], ids=["classify", "infer"])
def test_nothing_is_run_for_those_who_closed_their_connection(slow: Server, request_: bytes) -> None:
    with ask(slow, request_) as warm:
        assert b" 200 OK" in warm.recv(4096)  # the session of the model's own tensor is there
    before = count_images(slow)
    with ask(slow, request_) as first:
        for _ in range(2):
            ask(slow, request_).close()
        with ask(slow, request_) as last:
            assert b" 200 OK" in first.recv(4096)
            assert b" 200 OK" in last.recv(4096)
    assert count_images(slow) == before + 2


def test_who_has_only_ended_its_side_gets_its_answer(slow: Server) -> None:
    with ask(slow) as connection:
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert received.endswith(b'"fn":""}')


def test_who_leaves_a_pipeline_leaves_no_traceback(slow: Server) -> None:
    with ask(slow) as first, ask(slow) as second:
        second.sendall(2 * (ASK + PICTURE))
        time.sleep(0.1)
        second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        second.close()
        assert b" 200 OK" in first.recv(4096)
    time.sleep(1)
    assert not any("Exception" in line for line in slow.log)


def test_who_has_ended_its_side_is_not_kept_once_it_has_its_answer(slow: Server) -> None:
    def count_sockets() -> int:
        folder = Path(f"/proc/{slow.process.pid}/fd")
        return sum(os.readlink(descriptor).startswith("socket:") for descriptor in folder.iterdir())

    before = count_sockets()
    with ask(slow) as connection:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
        time.sleep(0.3)
        assert count_sockets() <= before


def test_a_deadline_counts_from_the_head_in_a_pipeline_too(slow: Server) -> None:
    started = time.monotonic()
    with ask(slow) as alone:
        alone.recv(4096)
    enough = 2 * (time.monotonic() - started)  # for one, but not for five, however busy the machine is
    with ask(slow, 4 * (ASK + PICTURE)) as connection:
        hasty = ASK.replace(b"Host: x", b"Host: x\r\nX-Request-Timeout: %.2f\r\nConnection: close" % enough)
        connection.sendall(hasty + PICTURE)
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == 4 * [b"200"] + [b"503"]
