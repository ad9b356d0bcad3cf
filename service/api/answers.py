"""Answers in JSON, as ASGI messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.types import Message, Send

JSON = (b"content-type", b"application/json")


def write_json(status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> tuple[Message, Message]:
    """The ASGI messages of a whole JSON body."""
    length = (b"content-length", b"%d" % len(body))
    start = {"type": "http.response.start", "status": status, "headers": [JSON, length, *headers]}
    return start, {"type": "http.response.body", "body": body}


async def send_error(send: Send, status: int, message: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Send `{"error": message}`."""
    for part in write_json(status, json.dumps({"error": message}).encode(), headers):
        await send(part)
