"""One worker process, as its supervisor sees it and from within."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from socket import socket
from types import FrameType
from typing import Any

from uvicorn import Config, Server
from uvicorn.supervisors.multiprocess import Process

from service import counters

DRAIN_S = 0.2  # for which connections that wait in the sockets are still taken in
ACCEPTED_AT_ONCE = 64  # connections in one turn of the event loop: they take it some milliseconds


class WorkerServer(Server):
    """uvicorn's server, whose end takes in what waits in its socket."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._listeners: list[socket] = []
        self._accepting: set[asyncio.Task[Any]] = set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end; an interrupt at the terminal is the supervisor's, who tells the workers in order."""
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start as uvicorn does, and take in every connection that waits.

        libuv accepts one in a turn of the event loop: a crowd, whose turns are long, would wait for seconds.
        """
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            copy = listener.dup()
            copy.setblocking(False)
            self._listeners.append(copy)
            loop.add_reader(copy, self._accept, copy, loop)

    def _accept(self, listener: socket, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except OSError:  # no other waits, or this one has no descriptor left
                return
            connection.setblocking(False)
            task = loop.create_task(loop.connect_accepted_socket(self._make_protocol, connection))
            self._accepting.add(task)  # the loop itself refers to it weakly only
            task.add_done_callback(self._accepting.discard)

    def _make_protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(self.config, self.server_state, self.lifespan.state)
        return protocol

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Say that the end has begun, go on for a moment, then end as uvicorn does."""
        counters.current().enter(counters.ENDING)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(DRAIN_S)
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        await super().shutdown(sockets)


class Worker(Process):
    """uvicorn's process, with a socket and a region of the counters of its own."""

    def __init__(self, config: Config, listener: socket, page: Any, region: int) -> None:
        """`page` is shared memory that can be handed to a process, `region` the worker's place in it."""
        self.page, self.region = page, region
        super().__init__(config, [listener])

    def target(self, sockets: list[socket] | None = None) -> None:
        """Serve, in the new process."""
        self.parent_conn.close()  # or the end of the parent would not be seen
        counters.adopt(memoryview(self.page).cast("B"), self.region, self.config.workers)
        threading.Thread(target=self.always_pong, daemon=True).start()
        self.server.run(sockets)

    @property
    def server(self) -> Server:
        """The server within the process."""
        if self._server is None:
            self._server = WorkerServer(self.config)
        return self._server

    def always_pong(self) -> None:
        """Answer the supervisor as long as the event loop and the models respond; end when the supervisor has."""
        with suppress(EOFError, OSError):
            while True:
                self.child_conn.recv()
                if not self.server.started or counters.current().responds:
                    self.child_conn.send(self.server.started)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self.config.timeout_graceful_shutdown or 0)
        os._exit(1)

    def end(self, deadline: float) -> None:
        """Wait until the worker has ended, and make it, when time.monotonic() has come to the deadline."""
        self.process.join(max(0.0, deadline - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        counters.leave(memoryview(self.page).cast("B"), self.region)
