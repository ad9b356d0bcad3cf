"""Who may ask: an API key, and browsers from other origins. Neither is there unless a setting asks for it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.answers import path_of
from service.settings import Settings

HEADER_LENGTH = "inference-header-content-length"  # of a body of /v2 that is not JSON alone
HEADERS = ("authorization", "content-encoding", "content-type", "x-api-key", "x-request-timeout")  # of requests
OPEN = "/v2/health/"  # for orchestrators, which have no key
# Browsers ask for the key, as any user's password, and send it with all of the page; Chromium only if Basic is first.
CHALLENGES = (
    'Basic realm="upload-and-classify: any user, the API key as the password", charset="UTF-8", '
    'Bearer realm="upload-and-classify"'
)


def guard(app: ASGIApp, settings: Settings) -> ASGIApp | None:
    """The application behind the guards that the settings ask for; None if they ask for none."""
    guarded: ASGIApp | None = None
    if settings.api_key:
        guarded = KeyGuard(app, settings.api_key)
    if settings.cors_origins:
        guarded = CORSMiddleware(
            guarded or app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[*HEADERS, HEADER_LENGTH],
            expose_headers=["retry-after", "x-region", HEADER_LENGTH],
        )
    return guarded


class KeyGuard:
    """Lets requests through that bring the key: Authorization: Bearer, X-API-Key, or Basic with it as the password."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        headers = Headers(scope=scope)
        if path_of(scope).startswith(OPEN) or any(hmac.compare_digest(key, self._key) for key in read_keys(headers)):
            await self.app(scope, receive, send)
            return
        message = "this service wants its API key, as Authorization: Bearer <key> or X-API-Key: <key>"
        response = JSONResponse({"error": message}, 401, {"www-authenticate": CHALLENGES})
        await response(scope, receive, send)


def read_keys(headers: Headers) -> Collection[bytes]:
    """The keys that a request brings."""
    keys = [headers.get("x-api-key", "").encode("latin-1")]
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        keys.append(value.strip().encode("latin-1"))
    elif scheme.lower() == "basic":
        with suppress(ValueError):  # no base64, or not even ASCII
            keys.append(base64.b64decode(value, validate=True).partition(b":")[2])
    return keys
