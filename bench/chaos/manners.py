"""The soak's clients that behave in their own way: in pieces, in a pipeline, slowly, not in HTTP, or leaving early."""

from __future__ import annotations

from collections.abc import Iterator

from bench.chaos.pages import get
from bench.chaos.traffic import ERROR, Ask, Expected, Leaving, exact, good, write_class
from bench.chaos.uploads import DIGITS, FORM, digits, form, read_file, send
from bench.upload import multipart

PIECE, TAIL = 60, 15  # bytes, of a body
HOP_S, SLOW_S, SILENT_S = 0.002, 0.2, 3.0  # pauses of one who sends in pieces, who is slow, who says nothing
LARGE_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n"
ENDLESS = b"POST /mnist/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 900000000\r\n\r\n"
LIVE = get("/v2/health/live"), Expected("health", "", {200: exact(b'{"live":true}')})
SOME = DIGITS[::6]


def make_manners() -> Iterator[Ask]:
    """Every behaviour."""
    yield from make_pieces()
    yield from make_connections()
    yield from make_refusals()
    yield from make_leavers()
    yield from make_slow()


def split(message: bytes) -> tuple[bytes, bytes]:
    """Head, with its end, and body."""
    head, end, body = message.partition(b"\r\n\r\n")
    return head + end, body


def cut(data: bytes, size: int) -> list[bytes]:
    """The data in pieces."""
    return [data[place : place + size] for place in range(0, len(data), size)]


def make_pieces() -> Iterator[Ask]:
    """One request in several pieces, or several requests in one."""
    for file in SOME:
        right = (good(write_class(file.name)),)
        message = form(read_file(file))
        head, body = split(message)
        yield Ask("body in pieces", [head, *cut(body, PIECE)], right, HOP_S)
        yield Ask("head in pieces", [*cut(head, PIECE), body], right, HOP_S)
        expecting, body = split(form(read_file(file), headers=b"Expect: 100-continue\r\n"))
        yield Ask("body that waits for 100", [expecting, body], right, HOP_S)
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut(body, PIECE)) + b"0\r\n\r\n"
        length = b"Content-Length: %d\r\n" % len(body)
        yield Ask("chunks", (head.replace(length, b"Transfer-Encoding: chunked\r\n") + pieces,), right)
        yield Ask("pipeline", (message + form(read_file(DIGITS[0])),), (*right, good(write_class(DIGITS[0].name))))
        yield Ask("pipeline", (message + LIVE[0] + message,), (*right, LIVE[1], *right))


def make_connections() -> Iterator[Ask]:
    """A connection for one request, which is told or seen from the version; another protocol that is wished for."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    for file in SOME:
        right = (good(write_class(file.name)),)
        message = form(read_file(file))
        yield Ask("short connection", (form(read_file(file), headers=b"Connection: close\r\n"),), right)
        yield Ask("HTTP/1.0", (message.replace(b"HTTP/1.1", b"HTTP/1.0", 1),), right)
        yield Ask("wish for HTTP/2", (form(read_file(file), headers=upgrade),), right)
        yield Ask("end of the client's side", (message,), right, leaving=Leaving.HALF)


def make_refusals() -> Iterator[Ask]:
    """What is refused before a request is there."""
    yield Ask("not HTTP", (b"\x16\x03\x01\x00 hello\r\n\r\n",), (Expected("none", "", {400: ERROR}),))
    yield Ask("head too large", (LARGE_HEAD,), (Expected("none", "", {431: ERROR}),))
    yield Ask("body too large", (ENDLESS + bytes(1000),), (Expected("classify", "mnist", {404: ERROR, 503: ERROR}),))


def make_leavers() -> Iterator[Ask]:
    """Who leaves: with nothing said, within the head or the body, or when the whole request is sent."""
    for leaving in (Leaving.CLOSE, Leaving.RESET):
        yield Ask("leaves without a word", (b"",), (), leaving=leaving)
        for pause_s in (0.0, HOP_S):
            for message, answer in list(digits("twin"))[::6]:
                head, body = split(message)
                yield Ask("leaves within the head", (head[:-9],), (), pause_s, leaving)
                yield Ask("leaves within the body", (head + body[:-9],), (), pause_s, leaving)
                yield Ask("leaves within the body", (head,), (), pause_s, leaving)
                yield Ask("leaves after the request", (message,), (answer,), pause_s, leaving)
            incomplete = form(read_file(DIGITS[0]), "/mnist/input")[:-9]
            yield Ask("leaves within the body", (incomplete,), (), pause_s, leaving)


def make_slow() -> Iterator[Ask]:
    """A byte now and then, of a body and of a head; nothing for some seconds."""
    for file in SOME:
        content_type, body = multipart(file.read_bytes(), file.name)
        message = send(content_type, body)
        tail = [message[place : place + 1] for place in range(len(message) - TAIL, len(message))]
        yield Ask("slow body", [message[:-TAIL], *tail], (good(write_class(file.name)),), SLOW_S)
    yield Ask("slow head", cut(LIVE[0], 2), (LIVE[1],), SLOW_S)
    yield Ask("nothing for seconds", (b"",), (), SILENT_S, Leaving.CLOSE)
    unfinished = send(FORM, b"").replace(b"Content-Length: 0", b"Content-Length: 99") + b"--"
    yield Ask("half a body for seconds", (unfinished,), (), SILENT_S, Leaving.RESET)
