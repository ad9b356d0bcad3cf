"""The service, with routes that make it hang: POST /hang/loop the event loop, POST /hang/model the runs of a model."""

from __future__ import annotations

import time

from starlette.types import Receive, Scope, Send

from service import app as service
from service.inference.runner import Runner

FOREVER_S = 10_000.0


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one ASGI connection."""
    if scope["type"] == "http" and scope["path"] == "/hang/loop":
        time.sleep(FOREVER_S)  # noqa: ASYNC251  # which is the point
    if scope["type"] == "http" and scope["path"] == "/hang/model":
        Runner.run = lambda *_: time.sleep(FOREVER_S)  # type: ignore[assignment, method-assign]
    await service(scope, receive, send)
