"""The service without the lifespan's state, and at /changed what its lifespan has changed of the process."""

from __future__ import annotations

import gc
import logging
import os
import signal

from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from service import app as service

changed: list[str] = []


def look() -> dict[str, object]:
    """What belongs to whoever owns the process."""
    return {
        "threshold": gc.get_threshold(),
        "frozen": gc.get_freeze_count(),
        "enabled": gc.isenabled(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "root": (logging.root.level, list(logging.root.handlers)),
    }


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection."""
    scope.pop("state", None)
    if scope["type"] == "lifespan":
        before = look()

        async def watch(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                changed.extend(name for name, value in look().items() if value != before[name])
            await send(message)

        await service(scope, receive, watch)
    elif scope["path"] == "/changed":
        await JSONResponse({"pid": os.getpid(), "changed": changed})(scope, receive, send)
    else:
        await service(scope, receive, send)
