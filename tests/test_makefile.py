from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        if not (folder / name).exists():
            shutil.copy2(name, folder)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_python_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    done = make(tmp_path, "PYTHON=python9", "serve")
    assert done.stdout == "python9 is not found; name another, such as make PYTHON=python3.12 serve\n"
    assert done.returncode == 2


def test_one_onnx_runtime_goes_before_the_other_comes(tmp_path: Path) -> None:
    """With a stand-in for the environment's Python that writes down what it is asked to do."""
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\necho "$@" >> {tmp_path}/asked\n'
        f'case "$*" in *cpu.txt) [ ! -e {tmp_path}/offline ] ;; esac\n'
    )
    python.chmod(0o755)

    def asked(*arguments: str, status: int = 0) -> list[str]:
        (tmp_path / "asked").write_text("")
        assert make(tmp_path, "serve", *arguments).returncode == status
        words = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
        return [" ".join([line[3], line[-1]]) for line in words if line[1] == "pip"]

    to_cpu = ["uninstall onnxruntime-gpu", "install .venv/cpu.txt", "install ."]
    assert asked("CPU=1") == to_cpu
    needed = (tmp_path / ".venv/cpu.txt").read_text().splitlines()
    assert "starlette>=1.0,<2" in needed
    assert not any("onnxruntime-gpu" in line for line in needed)
    assert asked("CPU=1") == []
    assert asked()[0] == "uninstall onnxruntime"
    assert asked() == []
    assert asked("CPU=1") == to_cpu
    # What has broken off is not taken for done, whichever comes next.
    assert asked()[0] == "uninstall onnxruntime"
    (tmp_path / "offline").touch()
    assert asked("CPU=1", status=2) == to_cpu[:2]
    assert asked() == ["uninstall onnxruntime", "install ."]
    (tmp_path / "offline").unlink()
    assert asked("CPU=1") == to_cpu
