"""One candidate's turn: started, checked, measured, stopped."""

from __future__ import annotations

import os
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import server
from bench.candidates import PEERS, Candidate
from bench.client import Answer
from bench.environment import programs
from bench.errors import ServerError
from bench.generator import Measurement, measure, send_all, until
from bench.payload import read_class
from bench.processes import read_usage
from bench.upload import Upload

CHECKED = 100  # answers that are compared with ONNX Runtime's before anything is timed
WARM_UP_S = 1.0
IDLE_TIMEOUT_S, IDLE_POLL_S, IDLE_SHARE = 30.0, 0.3, 0.15  # share of a core; some servers poll


@dataclass(slots=True)
class Plan:
    """What every candidate goes through."""

    generator: str
    connections: Sequence[int]
    seconds: float
    models: Path
    server_core: int
    generator_core: int
    model: str = "mnist"


@dataclass(slots=True)
class Turn:
    """What one turn gave."""

    ready_s: float
    resident_mb: float = 0.0
    loads: dict[int, Measurement] = field(default_factory=dict)  # by number of connections
    cpu_us: dict[int, float] = field(default_factory=dict)  # the server's processor time for a request, likewise


def take_turn(candidate: Candidate, plan: Plan, uploads: Sequence[Upload]) -> Turn:
    """Start the candidate, check its answers, put it under load at each number of connections.

    Raises:
        BenchError: It cannot be built or started, answers wrongly, or fails a request.
    """
    with start(candidate, plan) as started:
        return put_under_load(candidate, plan, started, uploads)


def put_under_load(candidate: Candidate, plan: Plan, started: server.Server, uploads: Sequence[Upload]) -> Turn:
    """Check a server's answers, then measure it at each number of connections.

    Raises:
        BenchError: It answers wrongly, or fails a request.
    """
    both = {plan.server_core, plan.generator_core}
    cores = {plan.generator_core} if candidate.cores == 1 else both
    os.sched_setaffinity(0, cores)
    if not candidate.constant:
        check_answers(started.port, uploads[:CHECKED])
    warm_up = until(uploads, time.perf_counter() + min(WARM_UP_S, plan.seconds))
    send_all(started.port, warm_up, 16, lambda answer: None)
    turn = Turn(started.ready_s)
    for connections in plan.connections:
        before = read_usage(started.process.pid).cpu_s
        load = measure(plan.generator, started.port, uploads, connections, plan.seconds, cores)
        cpu_s = read_usage(started.process.pid).cpu_s - before
        turn.loads[connections] = load
        turn.cpu_us[connections] = cpu_s / load.requests * 1e6
        await_idle(started.process.pid)
    turn.resident_mb = read_usage(started.process.pid).resident_mb
    return turn


@contextmanager
def start(candidate: Candidate, plan: Plan) -> Iterator[server.Server]:
    """The candidate's server, on its core."""
    folder = programs(candidate)

    def command(port: int) -> list[str]:
        return [word.format(bin=folder, peers=PEERS, port=port) for word in candidate.command.split()]

    model = find_model(plan.models, plan.model)
    environment = {
        "SERVICE_MODELS": str(plan.models),
        "BENCH_MODEL": str(model),
        "BENCH_KERAS": str(model.parent.parent / "model.keras"),
        "WEB_CONCURRENCY": str(candidate.workers),
        "OMP_NUM_THREADS": "1",
        **dict(candidate.environment),
    }
    if candidate.loads_libpython:
        environment["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")
    cores = {plan.server_core} if candidate.cores == 1 else {plan.server_core, plan.generator_core}
    with server.running(command, candidate.ready_path, environment, cores) as started:
        yield started


def await_idle(pid: int) -> None:
    """Wait until the server has worked off what the generator left behind; a slow one has seconds of it."""
    end = time.perf_counter() + IDLE_TIMEOUT_S
    used_s = -1.0
    while time.perf_counter() < end and (now_s := read_usage(pid).cpu_s) - used_s > IDLE_SHARE * IDLE_POLL_S:
        used_s = now_s
        time.sleep(IDLE_POLL_S)


def find_model(models: Path, name: str = "mnist") -> Path:
    """The highest version of a model.

    Raises:
        ServerError: There is none.
    """
    versions = [path for path in (models / name).glob("*/model.onnx") if path.parent.name.isdecimal()]
    if not versions:
        raise ServerError(f"there is no {models / name}/<version>/model.onnx; `make convert` writes it")
    return max(versions, key=lambda path: int(path.parent.name)).resolve()


def check_answers(port: int, uploads: Sequence[Upload]) -> None:
    """Compare the classes of concurrent requests with the right ones.

    Raises:
        ServerError: One is different, or no answer.
    """
    wrong: list[str] = []

    def receive(answer: Answer) -> None:
        try:
            if answer.status != 200 or read_class(answer.body) != answer.upload.label:
                raise ValueError
        except (ValueError, LookupError, TypeError):
            words = answer.body[:200].decode(errors="replace")
            wrong.append(f"{answer.upload.fn} (the class is {answer.upload.label}): {answer.status} {words}")

    send_all(port, iter(uploads), 16, receive)
    if wrong:
        raise ServerError(f"{len(wrong)} of {len(uploads)} answers are wrong, the first for {wrong[0]}")
