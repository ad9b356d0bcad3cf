"""uvicorn's HTTP protocol, with bounds, and with an end that loses nothing.

uvicorn bounds neither the bytes nor the seconds of a request's head, and when it stops it closes connections on which
a request may just have arrived. Here a head is bounded, connections are fewer than the process's descriptors, and a
connection is closed only when nothing unread is in it; until then its answers say `Connection: close`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import termios
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.answers import write_error
from service.server.guard import HEAD_TIMEOUT_S, SPARE_DESCRIPTORS, Guard

logger = logging.getLogger("service")
MAX_HEAD_BYTES = 64 * 1024  # of one request's line and headers
QUIET_S = 0.5  # for which a connection brings nothing before it is closed at the end
LINGER_S, LINGER_BYTES = 2.0, 1 << 20  # what is still read of a refused body, so that its client sees the answer


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
        self._in_head, self._head_bytes = True, 0
        self._is_listed = False  # whether the guard looks after the time of its head
        self.idle_since = self.guard.sweeps  # when it last gave an answer
        self._current: RequestResponseCycle | None = None  # the request that is being answered
        self._lingers = False  # whether what still comes is thrown away

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
        """Forget the connection."""
        self.unlist()
        if len(self.connections) < 0.9 * self.guard.max_connections:
            self.guard.full = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self._lingers:
            self._head_bytes += len(data)
            if self._head_bytes > LINGER_BYTES:
                self.transport.abort()
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, HeadTooLargeError)
            if too_large:
                self.refuse(431, f"the head of the request is larger than {MAX_HEAD_BYTES} bytes")
            else:
                self.refuse(400, "this is not an HTTP request")
            return
        if not self._in_head:
            self.on_incomplete_body()
        elif self._head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"the head of the request is larger than {MAX_HEAD_BYTES} bytes")
        elif self._head_bytes:
            self._list()

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
            self.cycle.keep_alive = not self.guard.ending and self.parser.should_keep_alive()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on after an answer on ASGI's way."""
        self.idle_since = self.guard.sweeps
        super().on_response_complete()
        if self._lingers and not self.is_busy:
            self.linger()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Close when the client has ended its side; not before what it has sent whole is answered."""
        self._lingers = self._forget_incomplete()
        return self._lingers

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
        self.transport.write(b"%b%d\r\nconnection: close\r\n\r\n%b" % (self.guard.write_head(status), len(body), body))
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
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request again without its wish for another protocol, for which httptools leaves out the body.

        Java's HttpClient wishes for HTTP/2 with each first request; no other protocol is offered.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(400, "this is not a proxy")
            return
        kept = [(name, value) for name, value in self.headers if name not in (b"connection", b"upgrade")]
        head = b"".join([b"%b %b HTTP/1.1\r\n" % (method, self.url), *(b"%b: %b\r\n" % pair for pair in kept), b"\r\n"])
        self.parser = httptools.HttpRequestParser(self)
        self._head_bytes = 0
        self.data_received(head + rest)

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
        """Close, unless a request has just come or is under way."""
        if self.transport.is_closing() or self._lingers:
            return
        if self.is_busy or (self._in_head and self._head_bytes) or has_unread(self.transport):
            self.loop.call_later(QUIET_S, self.close_when_quiet)
        else:
            self.transport.close()


class Lingering:
    """The transport of a request whose body has not come: its end waits until the client has seen the answer."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self.protocol = protocol
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing

    def close(self) -> None:
        """End the connection."""
        self.protocol.linger()


def has_unread(transport: asyncio.Transport) -> bool:
    """Whether the kernel holds bytes that have not been read."""
    descriptor = transport.get_extra_info("socket").fileno()
    unread = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return unread != bytes(4)
