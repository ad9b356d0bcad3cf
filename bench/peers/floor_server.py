# /// script
# dependencies = ["uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0"]
# ///
"""The floor of any Python ASGI server: uvicorn reads the body, and the application answers a constant.

uvicorn --app-dir bench/peers floor_server:app --no-access-log
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
ANSWER = b'{"cls":7,"fn":"0-7.png"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """Answer every request alike."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})
