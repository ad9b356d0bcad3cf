"""The service as a deployment of a real Ray, which no extra of the tests has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is missing; the extra `ray` has it")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, env=ENVIRONMENT, timeout=400)


def test_ray_is_pinned_and_no_need_of_the_tests() -> None:
    extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]
    (ray,) = extras["ray"]
    assert ray.startswith("ray[serve]==")
    assert ray.replace("[serve]", "") in Path("constraints.txt").read_text().splitlines()
    assert not [word for word in extras["test"] if word.startswith("ray")]


@needs_ray
def test_a_wrong_argument_gets_a_sentence() -> None:
    done = run("ray.serve.scripts", "run", "deploy.ray.serving:build", "cpus=-1", "replicas=2")
    assert done.returncode == 2
    assert "cpus: Input should be greater than or equal to 0; replicas: Extra inputs" in done.stderr
    assert "Traceback" not in done.stderr


@needs_ray
def test_nothing_is_lost_but_what_a_killed_raylet_had_in_work() -> None:
    done = run("deploy.ray.prove", "loss")
    assert done.returncode == 0, done.stdout


@needs_ray
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is missing; it is in the package nginx")
def test_nothing_is_lost_behind_nginx() -> None:
    done = run("deploy.ray.prove", "nginx")
    assert done.returncode == 0, done.stdout
