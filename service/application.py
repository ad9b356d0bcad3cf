"""The Starlette application: routes, lifespan, and the answer where no endpoint gives one."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import counters
from service.api.answers import answer_defect, answer_http_exception, answer_request_error, path_of
from service.api.classify import Classify, classify
from service.api.extensions import (
    load,
    read_all_statistics,
    read_model_config,
    read_model_statistics,
    read_repository_index,
    refuse_shared_memory,
    unload,
)
from service.api.guards import guard
from service.api.infer import Infer
from service.api.intake import Intake
from service.api.metrics import read_metrics
from service.api.open_inference import live, read_model_metadata, read_model_ready, read_server_metadata, ready
from service.api.openapi import show_openapi
from service.api.preview import show_input
from service.errors import RequestError, StartupError
from service.following import Follower
from service.inference.loading import Loaded, load_models
from service.obeying import Obeyer, version_elsewhere
from service.page.documents import load_assets, send_asset
from service.page.index import show_index
from service.page.page import Pages, show_page
from service.page.samples import send_sample
from service.registry import Registry, Served
from service.settings import Settings

logger = logging.getLogger("service")
PATH_SAFE = "!$&'()*+,;=:@"  # what a path may have as it is, by RFC 3986
BEAT_S = 0.25  # a tenth of what makes a worker count as not responding


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; it reads the environment (unless `settings` are given) and the models when it starts."""
    return Application(
        routes=[
            *of_model("/infer", Infer(), methods=["POST"], name="infer"),
            Route("/{name}/classify", Classify(), methods=["POST"], name="classify"),
            Route("/{name}/classify", show_page, name="page"),
            Route("/{name}/input", show_input, methods=["POST"], name="input"),
            Route("/", show_index, name="page"),
            Route("/v2", read_server_metadata, name="metadata"),
            Route("/v2/health/live", live, name="health"),
            Route("/v2/health/ready", ready, name="health"),
            Route("/v2/repository/index", read_repository_index, methods=["POST"], name="metadata"),
            Route("/v2/repository/models/{name}/load", load, methods=["POST"], name="repository"),
            Route("/v2/repository/models/{name}/unload", unload, methods=["POST"], name="repository"),
            Route("/v2/systemsharedmemory/{rest:path}", refuse_shared_memory, methods=["GET", "POST"], name="metadata"),
            Route("/v2/cudasharedmemory/{rest:path}", refuse_shared_memory, methods=["GET", "POST"], name="metadata"),
            Route("/v2/models/stats", read_all_statistics, name="metadata"),
            *of_model("", read_model_metadata, name="metadata"),
            *of_model("/config", read_model_config, name="metadata"),
            *of_model("/stats", read_model_statistics, name="metadata"),
            *of_model("/ready", read_model_ready, name="health"),
            Route("/metrics", read_metrics, name="metrics"),
            Route("/openapi.json", show_openapi, name="metadata"),
            Route("/{name}/samples/{file}", send_sample, name="page"),
            Route("/assets/{file}", send_asset, name="page"),
        ],
        lifespan=partial(live_and_end, settings),
        exception_handlers={
            HTTPException: answer_http_exception,
            RequestError: answer_request_error,
            Exception: answer_defect,
        },
    )


def of_model(path: str, endpoint: Callable[..., Any], **options: Any) -> list[Route]:
    """The routes of what /v2 has for a model, and for one version of it."""
    of = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    return [Route(f"{start}{path}", endpoint, **options) for start in of]


class Application(Starlette):
    """Starlette, with a short cut: a request for a served model's class goes to `classify` at once.

    The route of the same path does the same, after routing, which would cost each request 3 %. Where a setting asks for
    a guard, every request goes to the guard, and there is no short cut.
    """

    refusal = ""  # why it does not start, as one sentence
    guard: ASGIApp | None = None
    intake: Intake
    paths: dict[str, Served]  # of the short cut
    fast_paths: dict[bytes, Served]  # the same, as they are in a request's line; none behind a guard

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.paths, self.fast_paths = {}, {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return await super().__call__(scope, receive, partial(self._send_lifespan, send))
        if self.guard is not None:
            return await self.guard(scope, receive, self._counted(scope, send))
        served = self.paths.get(path_of(scope))
        if served is not None and scope["method"] == "POST":
            return await classify(served, self.intake, scope, receive, send)
        return await self.route(scope, receive, self._counted(scope, send))

    async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request by its route, behind Starlette's middleware."""
        await super().__call__(scope, receive, send)

    def map_paths(self) -> None:
        """Map paths to what is served now, in place: open connections have the maps already."""
        registry: Registry = self.state.registry
        self.paths.clear()
        self.paths.update({f"/{served.model.name}/classify": served for served in registry})
        if self.guard is None:
            self.fast_paths.clear()
            self.fast_paths.update({path: served for served in registry for path in write_paths(served)})

    def _counted(self, scope: Scope, send: Send) -> Send:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start" and "counted" not in scope:
                route = scope["route"].name if "route" in scope else "none"
                self.state.counters.add(1, "requests", route, "", str(message["status"]))
            await send(message)

        return count

    async def _send_lifespan(self, send: Send, message: Message) -> None:
        if self.refusal and message["type"] == "lifespan.startup.failed":
            message = {**message, "message": self.refusal}  # Starlette's is a traceback
        await send(message)


@asynccontextmanager
async def live_and_end(settings: Settings | None, app: Application) -> AsyncIterator[None]:
    """Load the models, serve, and end with what has been accepted answered. `app.state` has what endpoints need."""
    log_like_uvicorn()
    async with AsyncExitStack() as ends:
        try:
            chosen = settings or Settings.from_environment()
            counts = counters.current()
            obeys = chosen.model_control == "explicit"
            loaded = load_models(chosen, version_elsewhere(counts)) if obeys else load_models(chosen)
        except StartupError as error:
            app.refusal = f"Cannot start: {error}"
            raise
        for work in await open_state(app, chosen, loaded, counts, ends):
            ends.callback(asyncio.create_task(work).cancel)
        if is_own_process():
            collect_rarely()
        counts.enter(counters.READY)
        yield
        counts.enter(counters.ENDING)


async def open_state(
    app: Application, settings: Settings, loaded: Loaded, counts: counters.Counters, ends: AsyncExitStack
) -> list[Coroutine[Any, Any, None]]:
    """Fill `app.state`; what has to be closed goes to `ends`. Returns what is to run beside the requests."""
    state = app.state
    app.intake = state.intake = Intake(settings)
    ends.callback(state.intake.decoders.close)
    state.default_model, state.counters = settings.default_model, counts
    state.registry = registry = Registry(loaded, settings.max_wait_s, counts, leave_to_supervisor)
    ends.push_async_callback(registry.close)
    state.assets = load_assets()
    state.pages = Pages(registry, settings)
    state.pages.try_samples()
    app.guard = guard(app.route, settings)
    app.map_paths()
    registry.on_change = app.map_paths
    for served in registry:
        logger.info(served.describe())
    works = [state.intake.bodies.watch(), beat(registry, counts)]
    state.obeyer = None
    follower: Follower
    if settings.model_control == "explicit":
        follower = state.obeyer = Obeyer(registry, loaded, counts, settings)
        await follower.look()  # one that takes another's place has orders to do before it is asked
    elif settings.poll_s:
        follower = Follower(registry, loaded, counts, settings)
    else:
        return works
    ends.callback(follower.close)
    return [*works, follower.follow()]


def write_paths(served: Served) -> set[bytes]:
    """A model's path as clients write it: they differ in what they percent-encode. Others are ASGI's to decode."""
    name = served.model.name
    return {f"/{quote(name, safe)}/classify".encode() for safe in ("", PATH_SAFE)}


async def beat(registry: Registry, counts: counters.Counters) -> None:
    """Say again and again that this worker responds: its event loop, since this runs, and its models."""
    while True:
        registry.tell()
        if registry.works:
            counts.beat()
        await asyncio.sleep(BEAT_S)


def is_own_process() -> bool:
    """Whether uvicorn serves here, with or without our supervisor, and not a host whose process is its own.

    uvicorn's command and our workers set up its logger. Ray Serve, which uses parts of uvicorn, does not.
    """
    return bool(logging.getLogger("uvicorn").handlers)


def collect_rarely() -> None:
    """Keep the garbage collector from looking again at what stays, which takes milliseconds each time.

    Requests leave no cycles behind, so it need not look at those under way either, which by default it does often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def leave_to_supervisor() -> None:
    """End this worker, whose GPU has failed, for uvicorn to start another; without one, /v2/health tells the truth."""
    if is_own_process() and multiprocessing.parent_process() is not None:
        logger.critical("This worker ends, because its device has failed.")
        signal.raise_signal(signal.SIGTERM)


def log_like_uvicorn() -> None:
    """Give the service's logger uvicorn's handler where uvicorn serves; elsewhere it is the host's to configure."""
    uvicorn = logging.getLogger("uvicorn")
    if is_own_process() and not logger.handlers:
        logger.handlers, logger.propagate = uvicorn.handlers, False
        logger.setLevel(uvicorn.level)
