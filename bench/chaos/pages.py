"""The soak's requests without an upload: the page, metadata, health, metrics, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from bench.chaos.traffic import ERROR, Ask, Expected, exact, start
from bench.chaos.uploads import DIGITS

PAGES = (
    ("/", "page", 200, start(b"<!doctype html>")),  # of several models, their list
    ("/mnist/classify", "page", 200, start(b"<!doctype html>")),
    ("/assets/main.js", "page", 200, start(b"")),
    ("/mnist/samples/0-7.png", "page", 200, exact(DIGITS[0].read_bytes())),
    ("/v2", "metadata", 200, start(b'{"name":"upload-and-classify"')),
    ("/v2/models/mnist", "metadata", 200, start(b'{"name":"mnist","versions":["1"]')),
    ("/v2/models/nope", "metadata", 400, ERROR),
    ("/v2/health/live", "health", 200, exact(b'{"live":true}')),
    ("/v2/health/ready", "health", 200, exact(b'{"ready":true}')),
    ("/v2/models/mnist/ready", "health", 200, exact(b'{"ready":true}')),
    ("/nope", "none", 404, start(b'{"error":"GET /nope: Not Found')),
)
WRONG_METHOD = b"PUT /mnist/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def make_pages() -> Iterator[Ask]:
    """Every path that is asked for without an upload."""
    for path, route, status, body in PAGES:
        yield Ask("page, metadata, health", (get(path),), (Expected(route, "", {status: body}),))
    refusal = start(b'{"error":"PUT /mnist/classify: Method Not Allowed')
    yield Ask("page, metadata, health", (WRONG_METHOD,), (Expected("classify", "", {405: refusal}),))
    yield Ask("metrics", (get("/metrics"),), (Expected("metrics", "", {200: start(b"# HELP service_requests_total")}),))


def get(path: str) -> bytes:
    """A request for a path."""
    return b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode()
