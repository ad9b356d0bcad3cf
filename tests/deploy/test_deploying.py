"""The image, compose.yml and the systemd unit, as far as that can be seen without a container engine or systemd."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from service.__main__ import parse
from tests.deploy.conftest import FOLDER, SERVICE_AT, find_program, running, wait_for

DEPLOY = Path("deploy")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
UNIT = (DEPLOY / "upload-and-classify.service").read_text()
PAGE = Path("docs/deploying.md").read_text()
# The command that follows sees no folder that it may write to, but other mounts such as /dev/shm; as in a container.
READ_ONLY = ["unshare", "--mount", "sh", "-c", 'mount --bind / / && mount -o remount,bind,ro / && cd "$0" && exec "$@"']


def exec_form(instruction: str) -> list[str]:
    """What the image runs."""
    found = re.search(rf"{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    program, *arguments = json.loads(found[1])
    assert program == "python"
    return [sys.executable, *arguments]


def test_the_service_writes_to_no_file(tmp_path: Path) -> None:
    command = [*READ_ONLY, str(Path.cwd())]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("a read-only file system wants unshare, of the package util-linux, and root")
    assert subprocess.run([*command, "touch", str(tmp_path / "file")], capture_output=True).returncode
    with running(tmp_path / "log", SERVICE_AT, *command, *exec_form("ENTRYPOINT"), "--port", "0") as url:
        at_home = url.replace("0.0.0.0", "127.0.0.1")
        health = [part.replace("http://127.0.0.1:8000", at_home) for part in exec_form("CMD")]
        assert at_home in health[-1]
        wait_for(lambda: subprocess.run(health, capture_output=True).returncode == 0)
        answer = httpx.post(f"{at_home}/mnist/classify", files={"file": Path("imgs/0-7.png").read_bytes()})
        assert answer.json()["cls"] == 7
    assert subprocess.run(health, capture_output=True).returncode == 1


def test_the_image_for_the_cpu_has_no_onnxruntime_for_gpus() -> None:
    found = re.search(r"sed -i s/([\w-]+)/([\w-]+)/ pyproject.toml", DOCKERFILE)
    assert found
    text = Path("pyproject.toml").read_text().replace(found[1], found[2])
    needed = [each for each in tomllib.loads(text)["project"]["dependencies"] if "onnxruntime" in each]
    assert needed
    assert all(re.match("onnxruntime[^-]", each) for each in needed)


def test_what_the_image_copies_is_not_ignored() -> None:
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    sent = {line.removeprefix("!") for line in Path(".dockerignore").read_text().split() if line.startswith("!")}
    assert copied == sent
    assert all(Path(name).exists() for name in copied)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_may_do_no_more_than_it_needs(name: str) -> None:
    container = COMPOSE["services"][name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in container
    assert all(port.startswith("127.0.0.1:") for port in container["ports"])
    for volume in container["volumes"]:
        source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0]
        assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), source


def test_prometheus_scrapes_in_compose_as_elsewhere() -> None:
    here, there = ((FOLDER / name).read_text() for name in ("compose.yml", "prometheus.yml"))
    assert yaml.safe_load(here) == yaml.safe_load(there.replace("127.0.0.1:8000", "service:8000"))
    promtool = find_program("promtool")
    subprocess.run([promtool, "check", "config", FOLDER / "compose.yml"], check=True, capture_output=True)


def test_who_is_ended_has_the_time_of_its_grace() -> None:
    grace = parse([]).grace
    assert int(COMPOSE["services"]["service"]["stop_grace_period"].removesuffix("s")) > grace + 1
    assert {int(seconds) for seconds in re.findall(r"(?:TimeoutStopSec=|--stop-timeout )(\d+)", UNIT + PAGE)} == {40}


def test_the_unit_is_right(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing; on Debian and Ubuntu it is in the package systemd")
    unit = tmp_path / "upload-and-classify.service"
    found = re.search(r"ExecStart=(\S+) -m service (.*)", UNIT)
    assert found
    parse(shlex.split(found[2]))
    unit.write_text(UNIT.replace(found[1], sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_names_files_that_are_there() -> None:
    named = set(re.findall(r"(?:tests/)?deploy/[\w./-]*\w", PAGE))
    assert len(named) > 4
    assert [name for name in named if not Path(name).exists()] == []
