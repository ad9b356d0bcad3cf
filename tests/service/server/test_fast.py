"""The fast way and ASGI's give the same answers, byte for byte but for the date, to whatever is sent."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from bench.chaos.pictures import damaged_files
from tests.service.conftest import png_bytes
from tests.serving import Server, serve

LIGHT, DARK = png_bytes(np.full((4, 4), 255, np.uint8)), png_bytes(np.full((4, 4), 51, np.uint8))
LARGE = png_bytes(np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8))
# The date; and that a client may go on, which it need not be told when it has.
CHANCE = re.compile(rb"date: [^\r]*\r\n|HTTP/1.1 100 Continue\r\n\r\n")
BOUNDARY = b"xx"


@pytest.fixture(scope="module")
def both(models: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        protocols = ("service.server.protocol:BoundedProtocol", "service.server:Protocol")
        yield [stack.enter_context(serve({"SERVICE_MODELS": str(models)}, "--http", name)) for name in protocols]


def form(*files: tuple[bytes, bytes]) -> bytes:
    head = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n'
    return b"".join(head % (BOUNDARY, name) + data + b"\r\n" for name, data in files) + b"--%b--\r\n" % BOUNDARY


def request(
    body: bytes,
    line: bytes = b"POST /shade/classify HTTP/1.1",
    kind: bytes = b"multipart/form-data; boundary=" + BOUNDARY,
    headers: bytes = b"",
) -> bytes:
    return (
        b"%b\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (line, kind, len(body), headers) + body
    )


def ask(server: Server, message: bytes, step: int = 1 << 20) -> bytes:
    """All that comes back for a message, sent in pieces, and then for one that ends the connection."""
    address = urlsplit(server.url)
    end = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        try:
            for start in range(0, len(message), step):
                connection.sendall(message[start : start + step])
            connection.sendall(end)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
    return CHANCE.sub(b"", received)


def first_of(answers: bytes) -> bytes:
    """Status and body of the first answer."""
    head, _, rest = answers.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return head.partition(b"\r\n")[0] + rest[: int(length[1])] if length else answers


ONE = form((b"a.png", LIGHT))
REQUESTS = {
    "one file": request(ONE),
    "an empty name": request(form((b"", LIGHT))),
    "several files": request(form((b"a", LIGHT), (b"b", DARK))),
    "a large file": request(form((b"a", LARGE))),
    "a bare file": request(LIGHT, kind=b"image/png"),
    "a query": request(LIGHT, b"POST /shade/classify?fn=a%20b&top=2 HTTP/1.1", b"image/png"),
    "an encoded path": request(ONE, b"POST /sh%61de/classify HTTP/1.1"),
    "an unknown model": request(ONE, b"POST /nope/classify HTTP/1.1"),
    "another method": request(ONE, b"PUT /shade/classify HTTP/1.1"),
    "an absolute address": request(ONE, b"POST http://x/shade/classify HTTP/1.1"),
    "the end of the connection": request(ONE, headers=b"Connection: close\r\n"),
    "HTTP/1.0": request(ONE, b"POST /shade/classify HTTP/1.0"),
    "HTTP/1.0 to stay open": request(ONE, b"POST /shade/classify HTTP/1.0", headers=b"Connection: keep-alive\r\n"),
    "a deadline and a space": request(ONE, headers=b"X-Request-Timeout: 5 \t\r\n"),
    "a deadline twice": request(ONE, headers=b"X-Request-Timeout: x\r\nX-Request-Timeout: 5\r\n"),
    "an expectation": request(ONE, headers=b"Expect: 100-continue\r\n"),
    "no file": request(b"--xx--\r\n"),
    "no boundary": request(ONE, kind=b"multipart/form-data"),
    "no content": request(b""),
    "no PNG": request(form((b"a.txt", b"hello"))),
    "chunks": b"POST /shade/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(LIGHT) + LIGHT + b"\r\n0\r\n\r\n",
    "a pipeline": b"".join(request(form((b"%d" % index, LIGHT if index % 3 else DARK))) for index in range(30)),
    "a mixed pipeline": request(ONE) + request(form((b"a", LARGE))) + request(ONE, b"POST /nope/classify HTTP/1.1")
    + request(ONE) + b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n" + request(form((b"b", b"x"))),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("step", [1 << 20, 50])
def test_both_ways_answer_alike(both: list[Server], name: str, step: int) -> None:
    asgi, fast = (ask(server, REQUESTS[name], step) for server in both)
    # What is refused before its body has come ends the connection; whether it has is chance when it comes in pieces.
    assert (asgi == fast) if step > 50 else (first_of(asgi) == first_of(fast))
    assert asgi.startswith(b"HTTP/1.1 ")


def test_both_ways_answer_alike_to_damaged_files(both: list[Server]) -> None:
    message = b"".join(request(form((kind.encode(), data))) for kind, data in damaged_files(300, seed=1))
    asgi, fast = (ask(server, message) for server in both)
    assert asgi == fast
    assert asgi.count(b"HTTP/1.1 404 ") == 300


def test_both_ways_answer_alike_to_mutated_requests(both: list[Server]) -> None:
    """Bytes changed, cut out, doubled; the first answer is the same, whatever the rest is then taken for."""
    random = Random(7)
    for _ in range(400):
        message = bytearray(random.choice(list(REQUESTS.values())))
        for _ in range(random.randrange(1, 4)):
            place = random.randrange(len(message))
            kind = random.randrange(3)
            if kind == 0:
                message[place] = random.randrange(256)
            elif kind == 1:
                del message[place : place + random.randrange(1, 9)]
            else:
                message[place:place] = message[place : place + random.randrange(1, 9)]
        asgi, fast = (ask_briefly(server, bytes(message)) for server in both)
        assert first_of(asgi) == first_of(fast), bytes(message)


def ask_briefly(server: Server, message: bytes) -> bytes:
    """What comes back for a message after which nothing is sent: a body that lacks some bytes is not waited for."""
    address = urlsplit(server.url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        try:
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
    return CHANCE.sub(b"", received)


def test_no_connection_is_left_over(both: list[Server]) -> None:
    """Whatever was sent before, a server that is told to stop has nothing to wait for."""
    deadline = time.monotonic() + 15
    for server in both:
        while connections(server) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert connections(server) == 0


def connections(server: Server) -> int:
    """Established or half-closed connections of the server's port."""
    port = f":{urlsplit(server.url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(local.endswith(port) and state in ("01", "08") for _, local, _, state, *_ in rows)


def test_both_ways_count_alike(both: list[Server]) -> None:
    def count(server: Server) -> dict[str, float]:
        lines = httpx.get(f"{server.url}/metrics").text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
        return {name: float(value) for name, value in values.items() if "classify" in name or "_count" in name}

    before = [count(server) for server in both]
    for server in both:
        for name in ("one file", "several files", "no PNG", "a query", "a pipeline"):
            ask(server, REQUESTS[name])
    grown = [
        {name: value - old.get(name, 0) for name, value in count(server).items()}
        for server, old in zip(both, before, strict=True)
    ]
    batches = ("service_inference_seconds_count", "service_batch_size_images_count")  # how they gather is chance
    asgi, fast = ({name: value for name, value in one.items() if not name.startswith(batches)} for one in grown)
    assert asgi == fast
    assert asgi['service_requests_total{model="shade",route="classify",status="200"}'] == 33
