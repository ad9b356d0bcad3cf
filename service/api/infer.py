"""POST /v2/models/<model>[/versions/<version>]/infer: the Open Inference Protocol's inference, with binary tensors.

    body → expanded → tensor → its rows to the batcher → outputs, as the model gives them → JSON or bytes

A bare ASGI application, as /classify is. What takes long is done on the decoders' threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter_ns

import numpy as np
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from service.api.answers import INVALID_V2, send_error, write_body
from service.api.body import header, until_left
from service.api.classify import CAME, WAITED
from service.api.compression import choose_coding, compress, expand, read_coding
from service.api.deadlines import HEADER, read_deadline
from service.api.infer_answer import HEADER_LENGTH, JSON, Headers, join, write_infer_answer
from service.api.infer_request import InferRequest, Signature, read_infer_request
from service.api.intake import INLINE_BYTES, Intake
from service.errors import LimitError, RequestError, TensorError
from service.inference.model import Model
from service.inference.tensor_model import Outputs, TensorModel
from service.registry import Served

logger = logging.getLogger("service")
INLINE_ANSWER_BYTES = 4096  # of outputs; as JSON they have five times as many


class Infer:
    """The endpoint of the routes: any model, served or not."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state, path = scope["app"].state, scope["path_params"]
        try:
            served = state.registry.find(path["name"], path.get("version", ""))
        except RequestError as error:
            await send_error(send, error, INVALID_V2)
        else:
            await infer(served, state.intake, scope, receive, send)


async def infer(served: Served, intake: Intake, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: 200 with the outputs, 400 for invalid input, 503 when too many wait, 500 for a defect."""
    scope["counted"] = True
    try:
        body, headers = await answer(served, intake, scope, receive)
    except ClientDisconnect:
        return
    except RequestError as error:
        served.inferences.add(await send_error(send, error, INVALID_V2))
    except Exception:
        served.inferences.add(500)
        logger.exception("A request for inference by %s failed.", served.model.name)
        await send_error(send, None)
    else:
        served.inferences.add(200)
        for message in write_body(200, body, headers):
            await send(message)


async def answer(served: Served, intake: Intake, scope: Scope, receive: Receive) -> tuple[bytes, Headers]:
    """The body of the answer, and its headers.

    Raises:
        RequestError: There is none; the message says why.
        ClientDisconnect: The client has left.
    """
    waited_ns = scope.get(WAITED, 0)
    came: int = scope.get(CAME) or perf_counter_ns() - waited_ns
    until = read_deadline(came, intake.deadline_ns, header(scope, HEADER))
    body = await intake.bodies.read(scope, receive)
    model, batcher = await served.tensors.open()
    started = perf_counter_ns()
    batcher.admit(started, waited_ns, until)
    with batcher.promise(1):
        request = await read(body, intake, scope, served, model)
    batcher.statistics.add_decode(perf_counter_ns() - started)
    if request.timeout_ns:
        until = min(until, came + request.timeout_ns)
    futures = batcher.submit(model.split(request.tensor), until)
    if batcher.inline:
        parts = [await futures[0]] if len(futures) == 1 else await asyncio.gather(*futures)
    else:
        parts = await until_left(receive, asyncio.gather(*futures))
    return await write(request, parts, intake, scope, served.model, model)


async def read(
    body: bytes | bytearray, intake: Intake, scope: Scope, served: Served, model: TensorModel
) -> InferRequest:
    """The request of a body, read at once where it is small."""
    plain, coding = body, read_coding(header(scope, b"content-encoding"))
    if coding:
        plain = await expand_within(body, coding, intake)
    length, content_type = header(scope, HEADER_LENGTH), header(scope, b"content-type")
    if length == b"0" and content_type.lower().startswith(JSON):
        raise TensorError("the body is JSON, by its Content-Type, and Inference-Header-Content-Length says it has none")
    signature = Signature(served.model.input, [output.name for output in model.outputs], intake.max_parts)
    work = partial(read_infer_request, plain, length, signature)
    if len(plain) <= INLINE_BYTES:
        return work()
    request = await intake.decoders.run(work)
    is_view = np.may_share_memory(request.tensor, np.frombuffer(plain, np.uint8))
    intake.bodies.hold((len(plain) if coding else 0) + (0 if is_view else request.tensor.nbytes))
    return request


async def expand_within(body: bytes | bytearray, coding: bytes, intake: Intake) -> bytes:
    """What a compressed body expands to; room for the largest is held until its length is known."""
    most = intake.bodies.max_body_bytes
    if len(body) <= INLINE_BYTES:
        with suppress(LimitError):
            return expand(body, coding, min(INLINE_BYTES, most))
    intake.bodies.hold(most)
    plain = await intake.decoders.run(partial(expand, body, coding, most))
    intake.bodies.hold(len(plain))
    return plain


async def write(
    request: InferRequest, parts: Sequence[Outputs], intake: Intake, scope: Scope, served: Model, model: TensorModel
) -> tuple[bytes, Headers]:
    """The answer's body and headers, written at once where it is small."""
    accepted = header(scope, b"accept-encoding")

    def work() -> tuple[bytes, Headers]:
        body, headers = write_infer_answer(request, join(parts), served, model)
        coding = choose_coding(accepted, len(body))
        if not coding:
            return body, headers
        return compress(body, coding), [*headers, (b"content-encoding", coding), (b"vary", b"accept-encoding")]

    size = sum(output.nbytes for part in parts for output in part)
    return work() if size <= INLINE_ANSWER_BYTES else await intake.decoders.run(work)
