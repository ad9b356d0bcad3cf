"""What changes in the models folder takes over while the service runs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest
from onnx import helper

from bench.chaos.switches import LEAKING, SHORT, switch
from service.inference.repository import mark_models
from tests.serving import Server, serve, serve_workers

SOURCE = Path("models/mnist/1/model.onnx")
SEVEN = Path("imgs/0-7.png").read_bytes()


def put(models: Path, version: int, name: str = "mnist", labels: str = "") -> Path:
    """A version whose labels say which one it is."""
    model = onnx.load(SOURCE)
    said = json.dumps([f"{labels or version}:{digit}" for digit in range(10)])
    helper.set_model_props(model, {"upload_and_classify.labels": said})
    path = models / name / str(version) / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)
    return path


def classify(server: Server, name: str = "mnist") -> Any:
    answer = httpx.post(f"{server.url}/{name}/classify", files={"file": ("x.png", SEVEN)}).json()
    return answer.get("cls", answer.get("error"))


def wait_for(what: Callable[[], bool], server: Server) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "\n".join(server.log)
        time.sleep(0.05)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    put(tmp_path, 1)
    return tmp_path


@pytest.fixture(params=["a process", "two workers"])
def server(request: pytest.FixtureRequest, models: Path) -> Iterator[Server]:
    environment = {"SERVICE_MODELS": str(models), "SERVICE_POLL_S": "0.1", "SERVICE_DEVICE": "cpu"}
    with serve(environment) if request.param == "a process" else serve_workers(environment, "--workers", "2") as server:
        yield server


def test_a_higher_version_takes_over_and_a_lower_one_when_it_has_gone(server: Server, models: Path) -> None:
    assert classify(server) == "1:7"
    put(models, 3)
    wait_for(lambda: classify(server) == "3:7", server)
    put(models, 2)
    time.sleep(0.5)
    assert classify(server) == "3:7"
    shutil.rmtree(models / "mnist" / "3")
    wait_for(lambda: classify(server) == "2:7", server)


def test_a_bad_version_changes_nothing_but_a_sentence(server: Server, models: Path) -> None:
    bad = models / "mnist" / "2" / "model.onnx"
    bad.parent.mkdir()
    bad.write_bytes(b"no model")
    wait_for(lambda: httpx.get(f"{server.url}/v2/models/mnist").json()["parameters"]["failed_versions"] != {}, server)
    assert classify(server) == "1:7"
    assert [entry["state"] for entry in httpx.post(f"{server.url}/v2/repository/index").json()] == [
        "READY",
        "UNAVAILABLE",
    ]
    put(models, 2)
    wait_for(lambda: classify(server) == "2:7", server)
    assert httpx.get(f"{server.url}/v2/models/mnist").json()["parameters"]["failed_versions"] == {}


def test_a_file_that_is_overwritten_is_loaded_anew(server: Server, models: Path) -> None:
    put(models, 1, labels="anew")
    wait_for(lambda: classify(server) == "anew:7", server)


def test_a_folder_brings_its_routes_and_takes_them(server: Server, models: Path) -> None:
    put(models, 1, "other")
    wait_for(lambda: classify(server, "other") == "1:7", server)
    assert "other" in httpx.get(f"{server.url}/").text
    assert httpx.get(f"{server.url}/other/classify").status_code == 200
    shutil.rmtree(models / "other")
    wait_for(lambda: "no model is called 'other'" in classify(server, "other"), server)
    assert classify(server) == "1:7"


def test_a_folder_that_cannot_be_read_takes_nothing_away(server: Server, models: Path) -> None:
    models.rename(models.with_name("away"))
    wait_for(lambda: any("What is served stays as it is" in line for line in server.log), server)
    assert classify(server) == "1:7"
    models.with_name("away").rename(models)


def test_marks_change_with_what_a_model_is_made_of(models: Path) -> None:
    marks = [mark_models(models)]
    for change in ("mnist/labels.txt", "mnist/1/weights.bin", "mnist/config.json"):
        (models / change).write_text("x")
        marks.append(mark_models(models))
    (models / "mnist" / "notes.txt").write_text("x")
    assert marks[-1] == mark_models(models)
    assert len({str(each) for each in marks}) == len(marks)


def test_a_leak_is_found() -> None:
    """The trial of switches fails a service that keeps every model it has had."""
    findings = {finding.what: finding for finding in switch(2 * SHORT, "leaking", app=LEAKING)}
    assert not findings["leaking: memory kept"].met
    assert sum(not finding.met for finding in findings.values()) == 1
