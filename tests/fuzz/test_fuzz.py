"""Each target is fuzzed for a short time, FUZZ_SECONDS for longer; a decoder that leaks must be found."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_FUZZING_S = 120  # for starting, and for looking for leaks

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it has wheels for Linux on x86-64, up to Python 3.13",
)


def fuzz(target: str, seconds: int, findings: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", target, f"--seconds={seconds}", f"--findings={findings}", *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + WITHOUT_FUZZING_S
    )


@pytest.mark.parametrize(
    ("target", "seconds"), [("png", 15), ("jpeg", 8), ("webp", 8), ("multipart", 8), ("tensors", 8)]
)
def test_nothing_is_found(target: str, seconds: int, tmp_path: Path) -> None:
    done = fuzz(target, int(os.environ.get("FUZZ_SECONDS", seconds)), tmp_path)
    print(done.stdout)  # noqa: T201 -- pytest shows it with -s or on failure
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("decoder", ["keeps-output", "loses-memory"])
def test_a_decoder_that_leaks_objects_or_memory_is_found(decoder: str, tmp_path: Path) -> None:
    done = fuzz("png", 2, tmp_path, f"--decoder={decoder}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"found       {tmp_path}/png-leak leaks" in done.stdout
    assert (tmp_path / "png-leak").exists()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on: nothing counts it")
def test_a_decoder_that_drops_references_to_none_is_found(tmp_path: Path) -> None:
    done = fuzz("png", 2, tmp_path, "--decoder=drops-none")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search("-[12]0 references to None after 10 times the same input", done.stdout)
    assert [path.name[:10] for path in tmp_path.iterdir()] == ["png-crash-"]
