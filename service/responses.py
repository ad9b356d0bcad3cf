"""Answers in JSON, sent as ASGI messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.types import Send

JSON = (b"content-type", b"application/json")


async def send_json(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Send a whole JSON body."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, status: int, message: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Send `{"error": message}`."""
    await send_json(send, status, json.dumps({"error": message}).encode(), headers)
