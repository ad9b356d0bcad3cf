"""One virtual environment for each peer, built on demand from the versions that its script pins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from bench.candidates import PEERS, Candidate
from bench.errors import BenchError
from bench.server import ROOT

ENVIRONMENTS = ROOT / ".bench"
STAMP = "built-from.txt"  # in a complete environment: the requirements it was built from
HEADER = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # from PEP 723


class EnvironmentBuildError(BenchError):
    """A peer's environment cannot be built."""


def read_requirements(script: Path) -> list[str]:
    """The dependencies of a script's PEP 723 header."""
    header = HEADER.search(script.read_text())
    assert header, f"{script} has no header"
    lines = (line[2:] for line in header["content"].splitlines())
    requirements: list[str] = tomllib.loads("\n".join(lines))["dependencies"]
    return requirements


def programs(candidate: Candidate) -> Path:
    """The folder of the environment's programs, `python` among them; the environment is built if it is not there.

    Raises:
        EnvironmentBuildError: It cannot be built.
    """
    if not candidate.script:
        return Path(sys.executable).parent
    folder = ENVIRONMENTS / candidate.script.removesuffix("_server.py")
    wanted = "\n".join(read_requirements(PEERS / candidate.script))
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"building {folder} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder)
        _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted.splitlines())
        stamp.write_text(wanted)
    return folder / "bin"


def read_versions(candidate: Candidate) -> dict[str, str]:
    """Version of every package in the candidate's environment."""
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    output = subprocess.run([programs(candidate) / "python", "-c", code], capture_output=True, text=True, check=True)
    return dict(sorted(line.split(" ", 1) for line in output.stdout.splitlines()))


def _run(*words: str | Path) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentBuildError(f"{' '.join(map(str, words))} failed: {done.stderr.strip()[-500:]}")
