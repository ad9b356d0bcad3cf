"""POST /<model>/classify, the hot path.

    body → uploads → images → batcher → answers

It is a bare ASGI application, because Starlette's Request, form and JSONResponse cost more than all else that happens
to a small image.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from service.api.answers import send_error, write_json
from service.api.multipart import Part
from service.api.uploads import read_query, read_uploads
from service.errors import RequestError, UnknownModelError
from service.images.png import claim_pixels
from service.images.reading import write_answer
from service.inference.model import Result
from service.registry import Served

logger = logging.getLogger("uvicorn.error")
# What is larger is decoded on a thread, so that the event loop goes on.
INLINE_DECODE_BYTES, INLINE_DECODE_PIXELS = 64 * 1024, 256 * 256
DEFECT = "the server failed on this request; its log says why"
RETRY_AFTER = (b"retry-after", b"1")  # seconds


class Classify:
    """The endpoint of the route: any model, known or not."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            served = find_served(scope["state"]["models"], scope["path_params"]["name"])
        except UnknownModelError as error:
            await send_error(send, error.status, str(error))
        else:
            await classify(served, scope, receive, send)


def find_served(models: Mapping[str, Served], name: str) -> Served:
    """The served model of that name.

    Raises:
        UnknownModelError: There is none.
    """
    try:
        return models[name]
    except KeyError:
        raise UnknownModelError(f"no model is called {name!r}; the models are {', '.join(models)}") from None


async def classify(served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: 200 with the classes, 404 for invalid input, 503 when too many wait, 500 for a defect."""
    statistics = served.batcher.statistics
    try:
        body = await served.reader.read(scope, receive)
        started = time.perf_counter()
        query = read_query(scope["query_string"])
        parts = read_uploads(scope, body, query, served.settings.max_parts)
        if _is_small(body, parts):
            images = served.read_images(parts)
        else:
            images = await served.read_large_images(parts)
        statistics.decode_s += time.perf_counter() - started
        futures = served.batcher.submit(images)
        if served.batcher.inline:
            results = [await futures[0]] if len(futures) == 1 else await asyncio.gather(*futures)
        else:
            results = await _wait_for_results_or_leaving(futures, receive)
        answers = [
            write_answer(part.fn, result, served.model, query.top) for part, result in zip(parts, results, strict=True)
        ]
    except ClientDisconnect:
        return
    except RequestError as error:
        statistics.requests[error.status] += 1
        headers = [RETRY_AFTER] if error.status == 503 else []
        await send_error(send, error.status, str(error), headers)
    except Exception:
        statistics.requests[500] += 1
        logger.exception("A request for %s failed.", served.model.name)
        await send_error(send, 500, DEFECT)
    else:
        statistics.requests[200] += 1
        for message in write_json(200, answers[0] if len(answers) == 1 else b"[%b]" % b",".join(answers)):
            await send(message)


def _is_small(body: bytes, parts: list[Part]) -> bool:
    """Whether the images are decoded sooner than a thread would be found for them."""
    if len(body) > INLINE_DECODE_BYTES:
        return False
    pixels = 0
    for part in parts:
        pixels += claim_pixels(part.data)
    return pixels <= INLINE_DECODE_PIXELS


async def _wait_for_results_or_leaving(futures: list[asyncio.Future[Result]], receive: Receive) -> list[Result]:
    """The results, once all are there; a client that leaves takes its images out of the queue."""
    answered = asyncio.gather(*futures)
    left = asyncio.ensure_future(receive())  # after the whole body, the only message is that the client has left
    try:
        await asyncio.wait((answered, left), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientDisconnect
        return await answered
    finally:
        left.cancel()
        answered.cancel()
