"""Heads without end, too slow, or never sent; bodies after their refusal: each has a bound in bytes and seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from bench.chaos.goals import Finding, at_most, exactly
from bench.chaos.serving import resident_mb, settle, start_service
from bench.server import Server

MB = 1_000_000
START = b"POST /mnist/classify HTTP/1.1\r\nHost: x\r\n"


def run(long: bool) -> Iterator[Finding]:
    """The trial; long sends ten times as much."""
    with start_service() as server:
        before = settle(server, 1)
        for name, line in (("one header", b"a"), ("many headers", b"X-A: b\r\n" * 100)):
            status, sent = send_endless(server, START + (b"X-Long: " if name == "one header" else b""), line * 1000)
            yield exactly(f"a head without end, {name}: status", status, 431)
            yield at_most(f"a head without end, {name}: taken in", sent / MB, 8, "MB")
        for _ in range(300 if long else 30):
            send_endless(server, START + b"X-Long: ", b"a" * 1_000_000)
        yield at_most("memory kept", settle(server) - before, 20, "MB")
        yield exactly(
            "a line of 70,000 letters: status", ask(server, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"), 431
        )
        yield exactly("60,000 bytes of headers: status", ask(server, START + b"X: " + b"a" * 60_000 + b"\r\n\r\n"), 404)
        yield exactly("what is not HTTP: status", ask(server, b"\x16\x03\x01 hello\r\n\r\n"), 400)
        yield at_most("one byte of a head every 0.5 s: ended after", trickle(server, START), 11.5, "s")
        yield at_most("a connection that says nothing: ended after", trickle(server, b""), 11.5, "s")
        yield at_most("an idle connection after an answer: ended after", idle(server), 6.5, "s")
        refused = START + b"Content-Type: text/plain\r\nContent-Length: 900000000\r\n\r\n"
        status, sent = send_endless(server, refused, b"a" * 100_000)
        yield exactly("a body of 900 MB: status", status, 404)
        yield at_most("a body of 900 MB: taken in", sent / MB, 16, "MB")
        yield at_most("peak of what is kept", resident_mb(server) - before, 50, "MB")


def connect(server: Server) -> socket.socket:
    """A connection that waits for at most some seconds."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def send_endless(server: Server, start: bytes, piece: bytes) -> tuple[int, int]:
    """Send pieces until the server ends it; returns the status that it gave and the bytes that could be sent."""
    with connect(server) as connection:
        sent = 0
        with suppress(OSError):
            connection.sendall(start)
            while sent < 1000 * MB:
                sent += connection.send(piece)
        return read_status(connection), sent


def ask(server: Server, request: bytes) -> int:
    """The status of the answer to some bytes."""
    with connect(server) as connection:
        connection.sendall(request)
        return read_status(connection)


def read_status(connection: socket.socket) -> int:
    """The status of the first answer; 0 without one."""
    answer = b""
    with suppress(OSError):
        while not answer.endswith(b"}"):  # all answers are JSON objects
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    return int(answer.split()[1]) if answer else 0


def trickle(server: Server, text: bytes) -> float:
    """Send the text, then a byte again and again if it began with any; returns the seconds until the end."""
    started = time.monotonic()
    with connect(server) as connection:
        connection.settimeout(0.5)
        connection.sendall(text)
        while time.monotonic() < started + 30:
            try:
                if not connection.recv(4096):
                    break
            except TimeoutError:
                if text:
                    connection.send(b"a")
            except OSError:
                break
    return time.monotonic() - started


def idle(server: Server) -> float:
    """Ask once, then nothing; returns the seconds until the end."""
    with connect(server) as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(4096)
        started = time.monotonic()
        connection.recv(4096)
        return time.monotonic() - started
