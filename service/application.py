"""The Starlette application: routes, lifespan, and the answer where no endpoint gives one."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.classify import DEFECT, Classify, classify
from service.api.metrics import read_metrics
from service.api.open_inference import live, read_model_metadata, read_model_ready, read_server_metadata, ready
from service.api.preview import show_input
from service.api.uploads import BodyReader
from service.errors import StartupError
from service.inference.batcher import Batcher
from service.inference.device import share_of_cores
from service.page.page import assets, redirect_to_page, show_page
from service.page.samples import Samples, send_sample
from service.registry import Served, load_models
from service.settings import Settings

logger = logging.getLogger("uvicorn.error")


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; it reads the environment (unless `settings` are given) and the models when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        chosen = settings or Settings.from_environment()
        reader = BodyReader(chosen)
        decoders = ThreadPoolExecutor(share_of_cores(), thread_name_prefix="decoder")
        models = {
            model.name: Served(
                model, Batcher(model, chosen.max_queue, on_lost=leave_to_supervisor), reader, decoders, chosen
            )
            for model in load_models(chosen)
        }
        for served in models.values():
            logger.info(served.describe())
        watch = asyncio.create_task(reader.watch())
        # What is there now stays; the collector need not look at it again, which takes milliseconds each time. Requests
        # leave no cycles behind, so it need not look at those under way either, which by default it does all the time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000)
        paths = {f"/{name}/classify": served for name, served in models.items()}
        yield {"models": models, "paths": paths, "samples": Samples(chosen.samples)}
        watch.cancel()
        for served in models.values():
            await served.batcher.close()
            served.model.runner.close()
        decoders.shutdown()

    return Application(
        routes=[
            Route("/{name}/classify", Classify(), methods=["POST"]),
            Route("/{name}/classify", show_page),
            Route("/{name}/input", show_input, methods=["POST"]),
            Route("/", redirect_to_page),
            Route("/v2", read_server_metadata),
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            Route("/v2/models/{name}", read_model_metadata),
            Route("/v2/models/{name}/ready", read_model_ready),
            Route("/metrics", read_metrics),
            Route("/samples/{file}", send_sample),
            Mount("/assets", assets),
        ],
        lifespan=lifespan,
        middleware=[Middleware(StartupSentence)],
        exception_handlers={HTTPException: answer_http_exception, Exception: answer_defect},
    )


def leave_to_supervisor() -> None:
    """End this worker, whose GPU has failed, for uvicorn to start another; without one, /v2/health tells the truth."""
    if multiprocessing.parent_process() is not None:
        logger.critical("This worker ends, because its device has failed.")
        signal.raise_signal(signal.SIGTERM)


class Application(Starlette):
    """Starlette, with a short cut: a request for a served model's class goes to `classify` at once.

    The route of the same path does the same, after middleware and routing, which would cost each request 3 %.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and scope["method"] == "POST":
            served = scope["state"]["paths"].get(scope["path"])
            if served is not None:
                return await classify(served, scope, receive, send)
        return await super().__call__(scope, receive, send)


class StartupSentence:
    """Middleware that logs a StartupError as its one sentence, where Starlette would log the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, lambda message: send(_shorten(message)))
        else:
            await self.app(scope, receive, send)


def _shorten(message: Message) -> Message:
    error = sys.exc_info()[1]  # Starlette sends the message while it handles the exception
    if message["type"] == "lifespan.startup.failed" and isinstance(error, StartupError):
        return {**message, "message": f"Cannot start: {error}"}
    return message


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """`{"error": …}` for a path or a method that no route has."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}; POST a PNG to /<model>/classify"
    return JSONResponse({"error": message}, error.status_code, error.headers)


async def answer_defect(request: Request, error: Exception) -> Response:
    """One fixed sentence; Starlette raises the error again for the server to log."""
    return JSONResponse({"error": DEFECT}, 500)
