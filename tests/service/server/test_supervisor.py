"""`python -m service`: workers that are one service, started, reloaded and ended as real processes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from tests.service.conftest import png_bytes
from tests.service.models import shade_model
from tests.serving import Server, serve_workers

LIGHT = {"file": ("a", png_bytes(np.full((4, 4), 255, np.uint8)))}
STARTED = re.compile(r"Started server process \[(\d+)\]")


def pids(server: Server) -> list[int]:
    """Every worker that has started, in order."""
    return [int(found[1]) for line in list(server.log) if (found := STARTED.search(line))]


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def count(server: Server) -> int:
    name = 'service_requests_total{model="shade",route="classify",status="200"} '
    return next(int(float(line[len(name) :])) for line in httpx.get(f"{server.url}/metrics").text.splitlines()
                if line.startswith(name))  # fmt: skip


def test_two_workers_count_as_one_and_keep_their_counts_when_one_is_killed(models: Path) -> None:
    with serve_workers({"SERVICE_MODELS": str(models)}, "--workers", "2") as server:
        for _ in range(40):  # a connection each, so that both are asked
            assert httpx.post(f"{server.url}/shade/classify", files=LIGHT).status_code == 200
        assert {count(server) for _ in range(10)} == {40}
        os.kill(pids(server)[0], signal.SIGKILL)
        wait_for(lambda: len(pids(server)) == 3)
        assert count(server) == 40
        assert httpx.get(f"{server.url}/v2/health/ready", timeout=30).status_code in (200, 503)
        wait_for(lambda: httpx.get(f"{server.url}/v2/health/ready", timeout=30).status_code == 200)


def test_a_lone_server_reloads_and_keeps_the_old_worker_when_the_new_one_cannot_start(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    with serve_workers({"SERVICE_MODELS": str(tmp_path)}) as server:
        shade_model(tmp_path / "shade/2/model.onnx", names="{0: 'dark', 1: 'light'}")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: httpx.post(f"{server.url}/shade/classify", files=LIGHT).json() == {"cls": "light", "fn": "a"})
        for path in tmp_path.glob("shade/*/model.onnx"):
            path.write_bytes(b"no model")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: any("did not start" in line for line in server.log))
        assert httpx.post(f"{server.url}/shade/classify", files=LIGHT).json() == {"cls": "light", "fn": "a"}


def test_signals_that_come_while_it_reloads_are_one_reload_more(models: Path) -> None:
    with serve_workers({"SERVICE_MODELS": str(models)}) as server:
        for _ in range(4):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)  # or the kernel makes one of them
        wait_for(lambda: len(pids(server)) >= 3 and commands_of(server.process.pid).count("spawn_main(") == 1)
        assert httpx.post(f"{server.url}/shade/classify", files=LIGHT).status_code == 200
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200


def commands_of(pid: int) -> str:
    """The command lines of a process's children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(Path(f"/proc/{child}/cmdline").read_text() for child in children)


def test_it_ends_with_status_0_and_leaves_no_process(models: Path) -> None:
    with serve_workers({"SERVICE_MODELS": str(models)}, "--workers", "2") as server:
        workers = pids(server)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_an_interrupt_while_workers_import_leaves_no_traceback(models: Path) -> None:
    """Ctrl-C at a terminal is for all processes, and the workers leave it to the supervisor from their start on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0", "--workers", "2"],
        env={**os.environ, "SERVICE_MODELS": str(models)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        while "spawn_main" not in commands_of(process.pid):
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(0.05)  # Python itself has started
        os.killpg(process.pid, signal.SIGINT)
        log = process.communicate(timeout=60)[1]
    assert "Traceback" not in log
    assert process.returncode == 0


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, setpriv"
)
def test_it_ends_where_the_kernel_refuses_it_a_socket_filter(models: Path) -> None:
    under = ["setpriv", "--bounding-set", "-net_admin"]  # some kernels want that right, which users do not have
    with serve_workers({"SERVICE_MODELS": str(models)}, under=under) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert not any("Traceback" in line for line in server.log)


@pytest.mark.parametrize("stays", [False, True], ids=["in a terminal", "by nohup"])
def test_it_ends_with_its_terminal_unless_it_is_to_stay(models: Path, stays: bool) -> None:
    terminal, inside = pty.openpty()

    def belong_to_it() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if stays else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0"], env={**os.environ, "SERVICE_MODELS": str(models)},
        stdin=inside, stdout=inside, stderr=inside, start_new_session=True, preexec_fn=belong_to_it)  # fmt: skip
    os.close(inside)
    said = b""
    while b"startup complete" not in said:
        said += os.read(terminal, 4096)
    url = re.search(rb"running on (http://\S+)", said)
    assert url is not None
    os.close(terminal)
    if stays:
        time.sleep(3)
        assert httpx.post(f"{url[1].decode()}/shade/classify", files=LIGHT).status_code == 200
        process.terminate()
    assert process.wait(20) == 0


def test_its_version_is_that_of_the_project() -> None:
    done = subprocess.run([sys.executable, "-m", "service", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]


def test_what_keeps_it_from_starting_is_one_sentence(models: Path, tmp_path: Path) -> None:
    done = run({"SERVICE_MODELS": str(tmp_path)}, "--workers", "2")
    assert done.returncode == 3
    assert f"Cannot start: the models folder '{tmp_path}' holds no <name>/<version>/model.onnx" in done.stderr
    assert "Traceback" not in done.stderr
    with serve_workers({"SERVICE_MODELS": str(models)}) as server:
        port = str(urlsplit(server.url).port)
        done = run({"SERVICE_MODELS": str(models)}, "--port", port)
    reason = f"service: cannot listen on 127.0.0.1:{port}: Address already in use"
    assert (done.returncode, done.stderr) == (3, f"{reason}; --port (PORT of make) takes another\n")
    done = run({"SERVICE_MODELS": str(models)}, "--host", "no host")
    assert done.returncode == 3
    assert "cannot listen on no host:0: no address of that host is known;" in done.stderr


def run(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", *(options if "--port" in options else ("--port", "0", *options))]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
