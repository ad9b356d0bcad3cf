"""The fast way of a small upload: from the parsed head to the batcher, and from the batch to the socket.

    on_message_complete → multipart → pixels → batcher → set_result → transport.write

There is no scope, no task, no `receive` and no `send`: they take as long as the rest of a small request. What the fast
way does not know falls back to ASGI, with the bytes that have come: any other path or method, a query, a body that has
not come with its head or is not small, several files, requests in a pipeline, the end of the server. Bounds, answers
and counts are the same functions; the tests of the HTTP contract run over both.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import perf_counter_ns
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.api.answers import DEFECT, retry_after, status_of, write_answer, write_error
from service.api.deadlines import HEADER, read_deadline
from service.application import Application
from service.errors import RequestError
from service.inference.model import Result
from service.registry import Served
from service.server.protocol import MAX_HEAD_BYTES, BoundedProtocol

logger = logging.getLogger("service")
TYPE, CONNECTION = b"content-type", b"connection"
LENGTHS = frozenset(map(len, (TYPE, CONNECTION, HEADER)))  # by which most other headers are told apart


class Protocol(BoundedProtocol):
    """One connection, whose small uploads take the fast way. It is itself where the batcher leaves a result."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        by_uvicorn = self.access_log or self.limit_concurrency is not None  # what the fast way knows nothing of
        application = None if by_uvicorn else find_application(self.app)
        self._paths: Mapping[bytes, Served] = {} if application is None else application.fast_paths
        self._intake = None if application is None else application.intake
        self._coming: Served | None = None  # the model of a request that comes, and may take the fast way
        self._body = b""  # of that request
        self._asked: Served | None = None  # the model that has this connection's image
        self._fn = ""  # name of that image

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked is not None or super().is_busy

    def on_message_begin(self) -> None:
        """Begin a request's head; what ASGI needs of it is made when it falls back."""
        self._in_head = True
        self.url, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header as it is."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin a request: on the fast way, as far as can be seen yet, or on ASGI's."""
        parser, served = self.parser, self._paths.get(self.url)
        if (
            served is None
            or self._asked is not None
            or (self._current is not None and not self._current.response_complete)
            or self._head_bytes > MAX_HEAD_BYTES
            or self.guard.ending
            or self.flow.write_paused
            or parser.get_method() != b"POST"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            self._fall_back()
        else:
            self._coming, self._body = served, b""
            self._in_head, self._head_bytes = False, 0
            if self._is_listed:
                self.unlist()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._coming is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Hand the image to the batcher, when the whole request has come."""
        served = self._coming
        if served is None:
            super().on_message_complete()
            return
        began, waited_ns, batcher, intake = perf_counter_ns(), self.line.waited_ns, served.batcher, self._intake
        self._in_head, self._coming, self._asked = True, None, served
        try:
            assert intake is not None
            content_type, asked, is_old = self._read_headers()
            opened, until = None, 0
            if not is_old:
                until = began - waited_ns + intake.deadline_ns
                if asked:
                    until = read_deadline(began - waited_ns, intake.deadline_ns, asked)
                batcher.admit(began, waited_ns, until)
                opened = intake.open_one(self._body, content_type, served.target)
            if opened is not None:
                self._fn, image = opened
                came = perf_counter_ns()
                batcher.statistics.add_decode(came - began)
                batcher.put(image, self, came, until)
                return
        except Exception as error:
            self.set_exception(error)
            return
        self._asked = None
        self._fall_back()
        super().on_body(self._body)
        super().on_message_complete()

    def on_incomplete_body(self) -> None:
        """Go ASGI's way, which has the bounds for it, with a request that has not come whole."""
        if self._coming is not None:
            self._fall_back()
            if self._body:
                super().on_body(self._body)
        super().on_incomplete_body()

    def _fall_back(self) -> None:
        """Begin a request, taken in so far, on ASGI's way."""
        self._coming = None
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Start a request on ASGI's way, as soon as the one on the fast way is answered."""
        if self._asked is None:
            super()._start_asgi_task(cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    def _read_headers(self) -> tuple[bytes, bytes, bool]:
        """The Content-Type, the time that the client allows, and whether it must be told if the connection stays."""
        content_type, timeout, is_old = b"", b"", False
        for name, value in self.headers:
            if len(name) not in LENGTHS:
                continue
            name = name.lower()
            if name == TYPE:
                content_type = content_type or value
            elif name == HEADER:
                timeout = timeout or value
            elif name == CONNECTION:
                is_old = self.parser.get_http_version() == "1.0"  # it takes long, and others need not be asked
        return content_type, timeout, is_old

    # What the batcher calls, as of an asyncio.Future:

    def cancelled(self) -> bool:
        """Whether the client has left."""
        return self.parser is None

    def set_result(self, result: Result) -> None:
        """Answer with a class."""
        asked = self._asked
        assert asked is not None
        self._answer(asked, 200, write_answer(self._fn, result, asked.model))

    def set_exception(self, error: BaseException) -> None:
        """Answer with a refusal, or with the fixed sentence for a defect."""
        asked = self._asked
        assert asked is not None
        if isinstance(error, RequestError):
            self._answer(asked, status_of(error), write_error(str(error)), retry_after(error))
        else:
            logger.error("A request for %s failed.", asked.model.name, exc_info=error)
            self._answer(asked, 500, write_error(DEFECT))

    def _answer(self, asked: Served, status: int, body: bytes, retry_after_s: int = 0) -> None:
        """Write an answer, and go on with what waits in the pipeline."""
        self._asked = None
        asked.answers.add(status)
        if self.parser is None:  # the client has left
            return
        guard = self.guard
        self.idle_since = guard.sweeps
        self.server_state.total_requests += 1
        self.transport.write(b"%b%d\r\n\r\n%b" % (guard.write_head(status, retry_after_s), len(body), body))
        if self.pipeline:
            self.flow.resume_reading()
            self._start_asgi_task(*self.pipeline.pop())
        elif self._lingers:
            self.linger()


def find_application(app: Any) -> Application | None:
    """The service's application, if nothing is around it but uvicorn's own reading of a proxy's headers."""
    if isinstance(app, ProxyHeadersMiddleware):
        app = app.app
    return app if isinstance(app, Application) else None
