"""POST /<model>/classify, the hot path.

    body → uploads → images → batcher → answers

It is a bare ASGI application, because Starlette's Request, form and JSONResponse cost more than all else that happens
to a small image.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from service.classification import read_image, write_answer
from service.errors import OverloadError, RequestError, UnknownModelError
from service.responses import send_error, send_json
from service.serving import Served
from service.upload import Upload, read_query, read_uploads

INLINE_DECODE_BYTES = 64 * 1024  # a larger request is decoded on a thread, so that the event loop goes on
RETRY_AFTER = (b"retry-after", b"1")  # seconds


class Classify:
    """The endpoint: 200 with the classes, 404 for invalid input, 503 when too many images wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            served = find_served(scope["state"]["models"], scope["path_params"]["name"])
            await send_json(send, 200, await _answer(served, scope, receive))
        except ClientDisconnect:
            return
        except RequestError as error:
            headers = [RETRY_AFTER] if isinstance(error, OverloadError) else []
            await send_error(send, error.status, str(error), headers)


def find_served(models: Mapping[str, Served], name: str) -> Served:
    """The served model of that name.

    Raises:
        UnknownModelError: There is none.
    """
    try:
        return models[name]
    except KeyError:
        raise UnknownModelError(f"no model is called {name!r}; the models are {', '.join(models)}") from None


async def _answer(served: Served, scope: Scope, receive: Receive) -> bytes:
    settings = served.settings
    body = await served.reader.read(scope, receive)
    query = read_query(scope["query_string"])
    uploads = read_uploads(scope, body, query, settings.max_parts)
    if len(body) <= INLINE_DECODE_BYTES:
        images = _read_images(uploads, served)
    else:
        images = await run_in_threadpool(_read_images, uploads, served)
    futures = served.batcher.submit(images)
    if not served.batcher.inline:
        await _wait_for_answers_or_leaving(futures, receive)
    answers = [
        write_answer(upload.fn, await future, served.model, query.top)
        for upload, future in zip(uploads, futures, strict=True)
    ]
    return answers[0] if len(answers) == 1 else b"[%b]" % b",".join(answers)


def _read_images(uploads: list[Upload], served: Served) -> list[NDArray[np.uint8]]:
    return [read_image(upload, served.model, served.settings.max_pixels) for upload in uploads]


async def _wait_for_answers_or_leaving(futures: list[asyncio.Future[NDArray[np.float32]]], receive: Receive) -> None:
    """Return when all futures are done; a client that leaves takes its images out of the queue."""
    answered = asyncio.gather(*futures)
    left = asyncio.ensure_future(receive())  # after the whole body, the only message is that the client has left
    try:
        await asyncio.wait((answered, left), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientDisconnect
    finally:
        left.cancel()
        answered.cancel()


class ShortCut:
    """Middleware that hands a request for a served model to the endpoint at once.

    The route of the same path would do the same, after Starlette's exception handling and routing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.classify = app, Classify()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and scope["method"] == "POST":
            name, _, rest = scope["path"][1:].partition("/")
            if rest == "classify" and name in scope["state"]["models"]:
                scope["path_params"] = {"name": name}
                return await self.classify(scope, receive, send)
        return await self.app(scope, receive, send)
