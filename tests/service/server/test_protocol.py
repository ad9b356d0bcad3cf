"""HTTP within bounds, on a real connection; what needs load or time is in `python -m bench chaos`."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from tests.service.conftest import png_bytes
from tests.serving import Server, serve

LIGHT = png_bytes(np.full((4, 4), 255, np.uint8))
ASK = b"POST /shade/classify?fn=%b HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n"


@pytest.fixture(scope="module")
def bounded(models: Path) -> Iterator[Server]:
    with serve({"SERVICE_MODELS": str(models)}, "--http", "service.server:Protocol") as server:
        yield server


@pytest.fixture
def connection(bounded: Server) -> Iterator[socket.socket]:
    address = urlsplit(bounded.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        yield connection


def ask(name: str, headers: bytes = b"") -> bytes:
    return ASK % (name.encode(), len(LIGHT)) + headers + b"\r\n" + LIGHT


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def read_one(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(65536)
    return received


def split(answers: bytes) -> list[tuple[int, object]]:
    """Status and JSON of each answer in the bytes."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append((int(head.split()[1]), json.loads(rest[:length])))
        answers = rest[length:]
    return found


def test_requests_in_a_pipeline_are_answered_in_their_order(connection: socket.socket) -> None:
    names = [f"{index}.png" for index in range(20)]
    connection.sendall(b"".join(ask(name) for name in names[:-1]) + ask(names[-1], b"Connection: close\r\n"))
    assert split(read_all(connection)) == [(200, {"cls": "light", "fn": name}) for name in names]


def test_what_is_not_http_is_refused_in_json(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01\x00\r\n\r\n")
    assert split(read_all(connection)) == [(400, {"error": "this is not an HTTP request"})]


def test_what_follows_a_good_request_does_not_spoil_its_answer(connection: socket.socket) -> None:
    connection.sendall(ask("a") + b"\x16\x03\x01\x00\r\n\r\n")
    assert split(read_all(connection))[0] == (200, {"cls": "light", "fn": "a"})


@pytest.mark.parametrize("pieces", [1, 50])
def test_a_head_has_a_bound_in_bytes_however_it_comes(connection: socket.socket, pieces: int) -> None:
    head = ASK % (b"a", 1) + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n"
    step = len(head) // pieces + 1
    for start in range(0, len(head), step):
        connection.sendall(head[start : start + step])
    assert split(read_all(connection)) == [(431, {"error": "the head of the request is larger than 65536 bytes"})]


def test_a_large_body_with_a_small_head_is_no_large_head(connection: socket.socket) -> None:
    body = LIGHT + bytes(200_000)
    connection.sendall(ASK % (b"a", len(body)) + b"Connection: close\r\n\r\n" + body)
    assert split(read_all(connection)) == [(200, {"cls": "light", "fn": "a"})]


def test_a_client_that_is_refused_while_it_sends_reads_why(connection: socket.socket) -> None:
    head = b"POST /shade/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999999\r\n\r\n"
    connection.sendall(head + bytes(300_000))
    (answer,) = split(read_all(connection))
    assert answer == (404, {"error": "the body is 99999999 bytes or more; at most 33554432 are allowed"})


def test_a_connection_goes_on_after_a_large_body(connection: socket.socket) -> None:
    body = LIGHT + bytes(200_000)
    connection.sendall(ASK % (b"a", len(body)) + b"\r\n" + body)
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    assert split(answer) == [(200, {"cls": "light", "fn": "a"})]
    connection.sendall(ask("b", b"Connection: close\r\n"))
    assert split(read_all(connection)) == [(200, {"cls": "light", "fn": "b"})]


def test_an_upgrade_that_is_not_offered_is_answered_as_a_request(connection: socket.socket) -> None:
    """Java's HttpClient asks for HTTP/2 with each first request."""
    connection.sendall(ask("a", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"))
    assert split(read_all(connection)) == [(200, {"cls": "light", "fn": "a"})]


def test_refusals_are_counted(bounded: Server, connection: socket.socket) -> None:
    connection.sendall(b"no HTTP\r\n\r\n")
    read_all(connection)
    assert 'service_requests_total{model="",route="none",status="400"}' in httpx.get(f"{bounded.url}/metrics").text


@pytest.mark.parametrize("path", [b"/shade/classify", b"/shade/input"])
def test_who_leaves_within_the_body_is_not_counted(bounded: Server, connection: socket.socket, path: bytes) -> None:
    def count() -> list[str]:
        lines = httpx.get(f"{bounded.url}/metrics").text.splitlines()
        return [line for line in lines if line.startswith("service_requests_total") and "metrics" not in line]

    before = count()
    connection.sendall(ask("a").replace(b"/shade/classify", path)[:-9])
    connection.shutdown(socket.SHUT_WR)
    assert read_all(connection) == b""
    assert count() == before


def test_upgrades_in_a_long_pipeline_are_all_answered(connection: socket.socket) -> None:
    wish = b"GET /v2/health/live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    connection.sendall(wish * 1_000 + ask("last", b"Connection: close\r\n"))
    answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 1_001
    assert answers.endswith(b'"fn":"last"}')


def test_a_request_that_begins_as_the_connection_would_be_closed_keeps_it_open(connection: socket.socket) -> None:
    connection.sendall(ask("first"))
    assert split(read_one(connection)) == [(200, {"cls": "light", "fn": "first"})]
    time.sleep(4.7)  # it is closed after 5 s without a request
    late = ask("late")
    connection.sendall(late[:30])
    time.sleep(2)
    connection.sendall(late[30:])
    assert split(read_one(connection)) == [(200, {"cls": "light", "fn": "late"})]
    connection.settimeout(1)
    with pytest.raises(TimeoutError):
        connection.recv(1)


@pytest.mark.parametrize("line", [b"HTTP/1.1\r\nConnection: close, Upgrade", b"HTTP/1.0\r\nConnection: Upgrade"])
def test_a_wish_for_an_upgrade_and_for_the_end_is_answered_by_the_end(connection: socket.socket, line: bytes) -> None:
    started = time.monotonic()
    connection.sendall(b"GET /v2/health/live %b\r\nUpgrade: h2c\r\n\r\n" % line)
    assert b"connection: close" in read_all(connection)
    assert time.monotonic() - started < 4
