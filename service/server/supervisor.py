"""The supervisor: uvicorn's, with a socket for each worker, and with an end in time."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import time
from multiprocessing import resource_tracker
from socket import socket

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from service import counters
from service.server.sockets import stop_new_connections
from service.server.worker import Worker

logger = logging.getLogger("service")
POLL_S = 0.1
START_TIMEOUT_S = 600.0  # an engine of TensorRT takes minutes to build
PING_TIMEOUT_S = 2.0


class Supervisor(Multiprocess):
    """Keeps one worker for each listener, replaces those that end or do not respond, and reloads on SIGHUP."""

    def __init__(self, config: Config, listeners: list[socket]) -> None:
        # nohup ignores the signal by which a terminal takes leave of what runs in it.
        self._has_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and has_terminal()
        super().__init__(config, listeners)
        regions = 2 * len(listeners) + 1  # a worker and its successor may be there at once
        size = regions * counters.REGION_BYTES
        self._page = multiprocessing.get_context("spawn").RawArray(ctypes.c_char, size)
        self._regions = list(range(regions))  # that no worker has
        self.processes: list[Worker] = []  # type: ignore[assignment]
        self.failed = False  # whether a worker could not start
        self._reloads = 0  # that were asked for and are not done

    def run(self) -> int:  # type: ignore[override]
        """Supervise until a signal ends it; returns the exit status."""
        self.init_processes()
        while not self.should_exit.wait(POLL_S):
            self.handle_signals()
            self.keep_subprocess_alive()
        for listener in self.sockets:
            stop_new_connections(listener)
        self.terminate_all()
        self.join_all()
        return STARTUP_FAILURE if self.failed else 0

    def init_processes(self) -> None:
        """Start all workers."""
        self.processes = [self._start(listener) for listener in self.sockets]

    def join_all(self) -> None:
        """Wait for all workers; those that do not end within the grace time are killed."""
        deadline = self._deadline()
        for worker in self.processes:
            self._end(worker, deadline)

    def restart_all(self) -> None:
        """Replace each worker by a new process with new code, which shares its socket until it has taken over."""
        for place, old in enumerate(self.processes):
            new = self._start(self.sockets[place])
            if not self._wait_until_ready(new):
                if not self.should_exit.is_set():
                    logger.error("The new worker [%s] did not start; worker [%s] goes on.", new.pid, old.pid)
                self._end(new, 0.0)
                return
            self.processes[place] = new
            old.terminate()
            self._end(old, self._deadline())

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended or do not respond."""
        for place, worker in enumerate(self.processes):
            if worker.process.is_alive() and worker.ping(PING_TIMEOUT_S):
                continue
            if worker.process.is_alive():
                logger.error("Worker [%s] does not respond and is replaced.", worker.pid)
                worker.kill()
            self._end(worker, time.monotonic() + 1)
            if worker.exitcode == STARTUP_FAILURE:
                self.failed = True
                self.should_exit.set()
                return
            logger.warning("Worker [%s] has ended; another one takes its place.", worker.pid)
            self.processes[place] = self._start(self.sockets[place])

    def handle_hup(self) -> None:
        """SIGHUP: reload; one that comes meanwhile, once more afterwards. Of a terminal that has been closed: end."""
        if self._has_terminal and not has_terminal():
            self.handle_term()
            return
        self._reloads += 1
        if self._reloads > 1:
            return
        while self._reloads and not self.should_exit.is_set():
            asked = self._reloads
            super().handle_hup()
            self._reloads -= asked

    def handle_ttin(self) -> None:
        """SIGTTIN: the number of workers is fixed, with their sockets."""

    def handle_ttou(self) -> None:
        """SIGTTOU: likewise."""

    def handle_int(self) -> None:
        """SIGINT: end; a second one, at once."""
        if self.should_exit.is_set():
            for worker in self.processes:
                worker.process.kill()
        super().handle_int()

    def _start(self, listener: socket) -> Worker:
        worker = Worker(self.config, listener, self._page, self._regions.pop(0))
        resource_tracker.ensure_running()  # which the first worker would start, and that unblocks the signal
        # The worker inherits that: what the terminal sends is the supervisor's, also while the worker imports.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        worker.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return worker

    def _end(self, worker: Worker, deadline: float) -> None:
        worker.end(deadline)
        self._regions.append(worker.region)

    def _deadline(self) -> float:
        return time.monotonic() + (self.config.timeout_graceful_shutdown or 0) + 1

    def _wait_until_ready(self, worker: Worker) -> bool:
        """Wait until the worker serves, and see to signals meanwhile."""
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and not self.should_exit.is_set() and worker.process.is_alive():
            if worker.is_ready(PING_TIMEOUT_S):
                return True
            self.handle_signals()
            time.sleep(POLL_S)
        return False


def has_terminal() -> bool:
    """Whether there is a terminal that this process belongs to."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
