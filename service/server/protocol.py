"""uvicorn's HTTP protocol, with bounds, and with an end that loses nothing.

uvicorn bounds neither the bytes nor the seconds of a request's head, and when it stops it closes connections on which
a request may just have arrived. Here a head is bounded, connections are fewer than the process's descriptors, and a
connection is closed only when nothing unread is in it; until then its answers say `Connection: close`.
"""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter_ns
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.answers import write_error
from service.api.classify import CAME, WAITED
from service.server.ending import Lingering, has_unread, was_reset
from service.server.guard import HEAD_TIMEOUT_S, SPARE_DESCRIPTORS, Guard

logger = logging.getLogger("service")
MAX_HEAD_BYTES = 64 * 1024  # of one request's line and headers
QUIET_S = 0.5  # for which a connection brings nothing before it is closed at the end
LINGER_S, LINGER_BYTES = 2.0, 1 << 20  # what is still read of a refused body, so that its client sees the answer
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # which every client must be able to pass over
PROBE_S = 0.01, 0.1  # until a client that has left will have reset it; then again and again


class HeadTooLargeError(Exception):
    """Raised within the parser's callbacks."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        state: Any = self.server_state
        if not hasattr(state, "guard"):
            state.guard = Guard(self.loop, state, self.timeout_keep_alive)
        self.guard: Guard = state.guard
        self.line, self.in_line = self.guard.line, 0  # pieces of data of this connection that wait there
        self._in_head, self._head_bytes = True, 0
        self._is_listed = False  # whether the guard looks after the time of its head
        self.idle_since = self.guard.sweeps  # when it last gave an answer
        self._current: RequestResponseCycle | None = None  # the request that is being answered
        self._lingers = False  # whether what still comes is thrown away
        self._has_ended = False  # whether the client has ended its side, so that nothing comes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it while descriptors last."""
        super().connection_made(transport)
        guard = self.guard
        if len(self.connections) > guard.max_connections:
            if not guard.full:
                logger.error("%d connections are open; further ones are refused.", guard.max_connections)
            guard.full = True
            if len(self.connections) > guard.max_connections + SPARE_DESCRIPTORS // 2:
                transport.abort()  # in so many words only while there are descriptors for it
            else:
                self.refuse(503, "as many connections are open as the process may have; try again")
            return
        self._list()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and tell the request that is being answered; uvicorn tells the last one."""
        self.unlist()
        self.pipeline.clear()
        current = self._current
        if current is not None and not current.response_complete:
            current.disconnected = True
            current.message_event.set()
        if self.cycle is not None:
            self.cycle.body = bytearray()  # what nobody will read; the connection and its requests refer to each other
        if len(self.connections) < 0.9 * self.guard.max_connections:
            self.guard.full = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle what has come, or put it into the line."""
        line = self.line
        if self._lingers and not self.in_line:
            self._throw_away(data)  # nothing of it is kept
        elif line.left:
            line.left -= 1
            if not line.left:
                line.close()
            self.take(data)
        else:
            line.add(self, data)

    def take(self, data: bytes) -> None:
        """Parse what has come; nothing is the end of it."""
        if not data:
            if not self.end_input():
                self.transport.close()
            return
        if self._lingers:
            self._throw_away(data)
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            while data:
                if self._in_head:
                    self._head_bytes += len(data)
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, HeadTooLargeError)
            if too_large:
                self.refuse(431, f"the head of the request is larger than {MAX_HEAD_BYTES} bytes")
            else:
                self.refuse(400, "this is not an HTTP request")
            return
        if self._lingers:
            return
        if not self._in_head:
            self.on_incomplete_body()
        elif self._head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"the head of the request is larger than {MAX_HEAD_BYTES} bytes")
        elif self._head_bytes:
            self._list()

    def _throw_away(self, data: bytes) -> None:
        self._head_bytes += len(data)
        if self._head_bytes > LINGER_BYTES:
            self.transport.abort()

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self.pipeline) or (self._current is not None and not self._current.response_complete)

    def on_incomplete_body(self) -> None:
        """See that an answer given before the whole body has come ends the connection, and is read by its client."""
        if self.cycle.more_body and self.cycle.keep_alive:
            self.cycle.keep_alive = False
            self.cycle.transport = Lingering(self)  # type: ignore[assignment]

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request, whose head has come."""
        if self._head_bytes > MAX_HEAD_BYTES and self._count_head() > MAX_HEAD_BYTES:
            raise HeadTooLargeError
        if self.parser.should_upgrade():
            return
        self._in_head, self._head_bytes = False, 0
        self.unlist()
        super().on_headers_complete()
        if self.line.waited_ns:
            self.scope[WAITED] = self.line.waited_ns  # type: ignore[literal-required]
        if self.pipeline:
            self.scope[CAME] = perf_counter_ns() - self.line.waited_ns  # type: ignore[literal-required]
        if self.guard.ending:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer a request."""
        self._current = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """End a request, whose body has come."""
        if self.parser.should_upgrade():
            return
        self._in_head = True
        if isinstance(self.cycle.transport, Lingering) and not self.cycle.response_started:
            self.cycle.transport = self.transport
            is_old = self.parser.get_http_version() == "1.0"
            self.cycle.keep_alive = not (self.guard.ending or is_old) and self.parser.should_keep_alive()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on after an answer on ASGI's way."""
        self.idle_since = self.guard.sweeps
        super().on_response_complete()
        if self._lingers and not self.is_busy:
            self.linger()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Close when the client has ended its side; not before what it has sent whole is answered."""
        if self.in_line:
            self.line.add(self, b"")
            return True
        return self.end_input()

    def end_input(self) -> bool:
        """Give up what has not come whole; returns whether there is something to answer."""
        self._has_ended, self._lingers = True, self._forget_incomplete()
        if self._lingers:
            self._probe()
        return self._lingers

    def _probe(self) -> None:
        """Find out whether the client still reads: one that has left resets what is sent to it, and is not served."""
        current = self._current
        has_begun = current is not None and current.response_started and not current.response_complete
        if not has_begun and self.parser.get_http_version() != "1.0":
            self.transport.write(CONTINUE)
            self.loop.call_later(PROBE_S[0], self._abort_if_reset)

    def _abort_if_reset(self) -> None:
        if self.transport.is_closing() or not self.is_busy:
            return
        if was_reset(self.transport):
            self.transport.abort()
        else:
            self.loop.call_later(PROBE_S[1], self._abort_if_reset)

    def shutdown(self) -> None:
        """Begin the end: what is under way is answered, and what comes within a moment, too."""
        self.guard.ending = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # the last one, where several are in the pipeline
        else:
            self.loop.call_later(QUIET_S, self.close_when_quiet)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that brings nothing."""
        self.close_when_quiet()

    def refuse(self, status: int, message: str) -> None:
        """Answer outside any request, and end the connection."""
        self.unlist()
        if self.transport.is_closing():
            return
        if self._forget_incomplete():
            self._lingers = True  # those before are answered first, and nothing more is read
            return
        self.guard.answers.add(status)
        body = write_error(message)
        head = self.guard.write_head(status, 1 if status == 503 else 0)
        self.transport.write(b"%b%d\r\nconnection: close\r\n\r\n%b" % (head, len(body), body))
        self.linger()

    def _forget_incomplete(self) -> bool:
        """Give up a request whose body has not come; returns whether one before it is still to be answered."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.more_body:
            return self.is_busy
        cycle.disconnected = True
        cycle.message_event.set()
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
            return True
        return False

    def give_up(self) -> None:
        """End a connection whose request has not begun, or not come to the end of its head, in time."""
        if self.in_line:
            return  # the rest of it may be there
        if self._head_bytes:
            self.refuse(408, f"the head of the request took longer than {HEAD_TIMEOUT_S:.0f} s to arrive")
        else:
            self.transport.close()

    def linger(self) -> None:
        """Send what is written, and read on for a moment: closing with unread bytes would reset the connection."""
        self._lingers, self._head_bytes = True, 0
        self.unlist()
        if self.transport.is_closing():
            return
        if self._has_ended:
            self.transport.close()  # nothing unread is in it
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if not self._in_head and self._declares_more(LINGER_BYTES):
            self.flow.pause_reading()  # it will not come to its end, so its client looks for an answer or is reset
        else:
            self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _declares_more(self, size: int) -> bool:
        return any(name == b"content-length" and int(value) > size for name, value in self.headers)

    def _ignore_upgrade(self, rest: bytes) -> bytes:
        """A request to be read again, without its wish for another protocol, for which httptools leaves out the body.

        Java's HttpClient wishes for HTTP/2 with each first request; no other protocol is offered.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(400, "this is not a proxy")
            return b""
        kept = [(name, value) for name, value in self.headers if name not in (b"connection", b"upgrade")]
        if not self.parser.should_keep_alive():
            kept.append((b"connection", b"close"))
        line = b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())
        head = b"".join([line, *(b"%b: %b\r\n" % pair for pair in kept), b"\r\n"])
        self.parser = httptools.HttpRequestParser(self)
        self._head_bytes = 0
        return head + rest

    def _list(self) -> None:
        if not self._is_listed:
            self._is_listed = True
            self.guard.incomplete[self] = self.loop.time()

    def unlist(self) -> None:
        """Look no longer after the time of a head."""
        if self._is_listed:
            self._is_listed = False
            self.guard.incomplete.pop(self, None)

    def _count_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def close_when_quiet(self) -> None:
        """Close, unless a request has just come or is under way; then try again at the end, else once it is idle."""
        if self.transport.is_closing() or self._lingers:
            return
        if self.is_busy or self.in_line or (self._in_head and self._head_bytes) or has_unread(self.transport):
            if self.guard.ending:
                self.loop.call_later(QUIET_S, self.close_when_quiet)
        else:
            self.transport.close()
