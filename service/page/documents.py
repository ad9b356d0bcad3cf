"""Text that is compressed once and sent often: pages, scripts, styles; not at all where the browser has it."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent
HEADERS = {
    "cache-control": "no-cache",  # keep, but ask whether it is still the same
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "vary": "accept-encoding",
}
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
# Not left to the machine's registry, because `nosniff` makes it count.
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}


class Document:
    """One text with its media type."""

    def __init__(self, text: str, suffix: str) -> None:
        """`suffix` is one of MEDIA_TYPES."""
        self._plain = text.encode()
        self._compressed = gzip.compress(self._plain, 9, mtime=0)
        digest = blake2b(self._plain, digest_size=16).hexdigest()
        self._headers = {**HEADERS, "content-type": MEDIA_TYPES[suffix], "etag": f'W/"{digest}"'}  # of both encodings
        if suffix == ".html":
            self._headers["content-security-policy"] = POLICY

    def answer(self, request: Request) -> Response:
        """The text, compressed where the browser takes that, or 304 where it has it."""
        if self._headers["etag"].removeprefix("W/") in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        if takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self._compressed, headers={**self._headers, "content-encoding": "gzip"})
        return Response(self._plain, headers=self._headers)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding (RFC 9110, 12.5.3) names gzip, with a weight other than 0."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def load_assets() -> dict[str, Document]:
    """The page's scripts, styles and icon, by file name."""
    files = sorted((FOLDER / "assets").iterdir())
    return {file.name: Document(file.read_text(encoding="utf-8"), file.suffix) for file in files}


async def send_asset(request: Request) -> Response:
    """GET /assets/<file>."""
    document: Document | None = request.app.state.assets.get(request.path_params["file"])
    if document is None:
        raise HTTPException(404)
    return document.answer(request)
