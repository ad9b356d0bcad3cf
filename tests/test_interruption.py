from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.processes import family
from tests.processes import is_running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process is at")
PICTURE = "imgs/0-7.png"
MODEL = "models/mnist/1/model.onnx"
COMMANDS = {
    "service --port 0": "service: interrupted",
    f"service.predict {PICTURE}": "predict: interrupted",
    "service.describe models/mnist": "describe: interrupted",
    f"service.adopt {MODEL} --name mnist": "adopt: interrupted",
    "service.doctor": "doctor: interrupted",
    "train --quick": "interrupted; the same command goes on from the last finished epoch",
    "train.strangers": "interrupted",
    "convert models/mnist/model.keras": "interrupted",
    "convert.applications": "interrupted; the same command goes on with the next model",
    "convert.savings": "interrupted",
    "convert.timing": "interrupted",
    "bench": "bench: interrupted",
    "bench compare": "bench: interrupted",
    "bench compare --photos": "bench: interrupted",
    "bench gpu": "bench: interrupted",
    "bench.inprocess.decoding": "bench: interrupted",
    "bench.inprocess.inference": "bench: interrupted",
    "bench.inprocess.photos": "bench: interrupted",
    "bench.inprocess.pipeline": "bench: interrupted",
    "bench.inprocess.profiles": "bench: interrupted",
    "bench.inprocess.trimming": "bench: interrupted",
}
MOMENTS = dict.fromkeys(COMMANDS, "/numpy/") | {"service --port 0": "/_asyncio"}  # which library it then has


def start(command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs, these tests among them, ignore the signal, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupt(process: subprocess.Popen[str], at: Callable[[], bool]) -> tuple[int, str]:
    """Send the signal as soon as that holds; returns exit status and standard error."""
    with process:
        while not at():
            assert process.poll() is None, process.communicate()
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1]
    return process.returncode, error


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_while_libraries_are_imported_is_one_line_and_130(command: str, tmp_path: Path) -> None:
    process = start(command, SERVICE_MODELS=str(tmp_path))
    maps = Path(f"/proc/{process.pid}/maps")
    assert interrupt(process, lambda: MOMENTS[command] in maps.read_text()) == (130, COMMANDS[command] + "\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_tensorflow_is_imported_for_training(tmp_path: Path) -> None:
    images, labels = np.zeros((40, 28, 28), np.uint8), np.zeros(40, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    command = f"train --quick --data {tmp_path}/mnist.npz --output {tmp_path}/output"
    process = start(command, XDG_CACHE_HOME=str(tmp_path))
    maps = Path(f"/proc/{process.pid}/maps")
    line = "interrupted; the same command goes on from the last finished epoch\n"
    assert interrupt(process, lambda: "libtensorflow" in maps.read_text()) == (130, line)


@pytest.mark.parametrize("moment", ["forked", "imports"])
def test_ctrl_c_stops_the_server_that_a_command_has_started(tmp_path: Path, moment: str) -> None:
    images, labels = np.zeros((40, 28, 28), np.uint8), np.zeros(40, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_test=images, y_test=labels)
    process = start(f"bench --data {tmp_path}/mnist.npz")
    members: set[int] = set()

    def has_started() -> bool:
        members.update(family(process.pid))
        if moment == "forked":
            return len(members) > 1
        return any("/numpy/" in Path(f"/proc/{member}/maps").read_text() for member in members - {process.pid})

    assert interrupt(process, has_started) == (130, "bench: interrupted\n")
    deadline = time.monotonic() + 20  # who loses its parent ends a moment later
    while left := [member for member in members if is_running(member)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_ctrl_c_is_left_ignored_where_it_is() -> None:
    """As in a shell's background jobs."""
    code = (
        "import signal; from service.interruption import leave_at_once, tidying;"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); leave_at_once('no')\n"
        "with tidying(): signal.raise_signal(signal.SIGINT)\n"
        "signal.raise_signal(signal.SIGINT)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
