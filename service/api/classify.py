"""POST /<model>/classify, the hot path.

    intake → batcher → answers

It is a bare ASGI application, because Starlette's Request, form and JSONResponse cost more than all else that happens
to a small image.
"""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter_ns

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from service.api.answers import send_error, write_answers, write_json
from service.api.body import header, until_left
from service.api.deadlines import HEADER, read_deadline
from service.api.intake import Intake
from service.api.uploads import read_query
from service.errors import RequestError
from service.registry import Served

logger = logging.getLogger("service")
WAITED = "service.waited_ns"  # key in the scope: how long the request has been waiting to be looked at
CAME = "service.came"  # and when its head came, time.perf_counter_ns(), where requests before it had to be answered


class Classify:
    """The endpoint of the route: any model, served or not."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = scope["app"].state
        try:
            served = state.registry.find(scope["path_params"]["name"])
        except RequestError as error:
            await send_error(send, error)
        else:
            await classify(served, state.intake, scope, receive, send)


async def classify(served: Served, intake: Intake, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: 200 with the classes, 404 for invalid input, 503 when too many wait, 500 for a defect."""
    batcher, waited_ns = served.batcher, scope.get(WAITED, 0)
    scope["counted"] = True
    try:
        came: int = scope.get(CAME) or perf_counter_ns() - waited_ns
        until = read_deadline(came, intake.deadline_ns, header(scope, HEADER))
        body = await intake.bodies.read(scope, receive)
        started = perf_counter_ns()
        batcher.admit(started, waited_ns, until)
        content_type, query = header(scope, b"content-type"), read_query(scope["query_string"])
        opened = intake.open_small(body, content_type, query, served.target)
        if opened is None:
            with batcher.promise(1):
                parts = await intake.read_large(body, content_type, query)
            with batcher.promise(len(parts)):
                images = await intake.decode_large(parts, served.target, receive)
        else:
            parts, images = opened
        batcher.statistics.add_decode(perf_counter_ns() - started)
        futures = batcher.submit(images, until)
        if batcher.inline:
            results = [await futures[0]] if len(futures) == 1 else await asyncio.gather(*futures)
        else:
            results = await until_left(receive, asyncio.gather(*futures))
        answer = write_answers(parts, results, served.model, query.top)
    except ClientDisconnect:
        return
    except RequestError as error:
        served.answers.add(await send_error(send, error))
    except Exception:
        served.answers.add(500)
        logger.exception("A request for %s failed.", served.model.name)
        await send_error(send, None)
    else:
        served.answers.add(200)
        for message in write_json(200, answer):
            await send(message)
