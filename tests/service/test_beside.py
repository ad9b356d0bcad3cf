"""Good models beside bad ones: none is harmed by another, and each bad one says what it is."""

from __future__ import annotations

import gzip
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from tests.service.conftest import WAYS, png_bytes
from tests.service.models import nan_model, shade_model
from tests.serving import Server, serve, serve_workers

LIGHT = {"file": ("a", png_bytes(np.full((4, 4), 255, np.uint8)))}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 102\n"
IS_POINTER = "it is a Git LFS pointer, not the model itself; run `git lfs pull`"
IS_HTML = "it is an HTML page, as a failed download leaves it; download the model again"
NAMES = ["with space", "Größe", "under_score", "dotted.v1.5", "cats & dogs", "a+b", "100%", "猫", "b:c", "v2", "it's"]


def lone_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model, one whose highest versions are bad, three that are nothing but bad, and what is skipped."""
    folder = tmp_path_factory.mktemp("beside")
    shade_model(folder / "good/1/model.onnx")
    shade_model(folder / "lower/1/model.onnx", names="{0: 'wrong', 1: 'wrong'}")
    shade_model(folder / "lower/2/model.onnx", names="{0: 'dark', 1: 'light'}")
    lone_file(folder / "lower/3/model.onnx", POINTER)
    nan_model(folder / "lower/10/model.onnx", above=-1)
    lone_file(folder / "bad ä/1/model.onnx", POINTER)
    lone_file(folder / "bad ä/2/model.onnx", b"<!doctype html><title>404</title>")
    whole = shade_model(folder / "cut/1/model.onnx").read_bytes()
    (folder / "cut/1/model.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "folder/1/model.onnx").mkdir(parents=True)
    (folder / ".hidden/1").mkdir(parents=True)
    (folder / "lost+found").mkdir()
    (folder / "notes.txt").touch()
    lone_file(folder / "loose/model.onnx", whole)
    lone_file(folder / "trained/model.keras", b"")
    lone_file(folder / "good/latest/model.onnx", whole)
    lone_file(folder / "good/02/model.onnx", whole)
    (folder / "good/7").mkdir()
    return folder


@pytest.fixture(scope="module", params=WAYS)
def beside(folder: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with serve({"SERVICE_MODELS": str(folder)}, *WAYS[request.param]) as server:
        yield server


def post(server: Server, name: str, what: str = "classify") -> httpx.Response:
    return httpx.post(f"{server.url}/{quote(name)}/{what}", files=LIGHT)


def test_a_good_model_is_served_and_a_lower_version_where_the_higher_ones_are_bad(beside: Server) -> None:
    assert post(beside, "good").json() == {"cls": 1, "fn": "a"}
    assert post(beside, "lower").json() == {"cls": "light", "fn": "a"}
    about = httpx.get(f"{beside.url}/v2/models/lower").json()
    assert about["versions"] == ["2"]
    assert about["parameters"]["failed_versions"] == {
        "10": "output 'scores' is not a number (NaN or infinite) for an image of noise",
        "3": IS_POINTER,
    }
    assert httpx.get(f"{beside.url}/v2/models/lower/ready").json() == {"ready": True}


def test_a_bad_model_says_what_it_is_to_whoever_asks(beside: Server) -> None:
    sentence = f"the model 'bad ä' cannot be served: version 2: {IS_HTML}; version 1: {IS_POINTER}"
    about = f"{beside.url}/v2/models/bad%20%C3%A4"
    for answer in (post(beside, "bad ä"), post(beside, "bad ä", "input"), httpx.get(about)):
        assert (answer.status_code, answer.json()) == (503, {"error": sentence})
        assert "retry-after" not in answer.headers
    ready = httpx.get(f"{about}/ready")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "error": sentence})
    assert "cut off or damaged" in post(beside, "cut").json()["error"]
    assert "it is a folder, no file" in post(beside, "folder").json()["error"]
    server = httpx.get(f"{beside.url}/v2").json()
    assert (server["models"], server["failed_models"]) == (["good", "lower"], ["bad ä", "cut", "folder"])


def test_a_server_with_bad_models_is_live_and_not_ready(beside: Server) -> None:
    assert httpx.get(f"{beside.url}/v2/health/live").status_code == 200
    ready = httpx.get(f"{beside.url}/v2/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"ready": False})


def test_metrics_name_the_versions_that_failed(beside: Server) -> None:
    lines = httpx.get(f"{beside.url}/metrics").text.splitlines()
    assert sorted(line for line in lines if line.startswith("service_model_failed{")) == [
        'service_model_failed{model="bad ä",version="1"} 1.0',
        'service_model_failed{model="bad ä",version="2"} 1.0',
        'service_model_failed{model="cut",version="1"} 1.0',
        'service_model_failed{model="folder",version="1"} 1.0',
        'service_model_failed{model="good",version="1"} 0.0',
        'service_model_failed{model="lower",version="10"} 1.0',
        'service_model_failed{model="lower",version="2"} 0.0',
        'service_model_failed{model="lower",version="3"} 1.0',
    ]


def test_the_log_has_a_line_for_each_bad_file_in_the_folders_order(beside: Server, folder: Path) -> None:
    lines = [line.partition(":")[2].strip() for line in beside.log if "is not served" in line]
    assert [line.partition(" is not served")[0].removeprefix(f"{folder}/") for line in lines] == [
        f"{name}/model.onnx" for name in ("bad ä/2", "bad ä/1", "cut/1", "folder/1", "lower/10", "lower/3")
    ]
    assert lines[1] == f"{folder}/bad ä/1/model.onnx is not served: {IS_POINTER}"
    assert lines[5] == f"{folder}/lower/3/model.onnx is not served, version 2 is instead: {IS_POINTER}"
    assert not [line for line in beside.log if "Traceback" in line]


def test_the_log_names_what_is_skipped_and_why(beside: Server, folder: Path) -> None:
    lines = [line.partition(":")[2].strip() for line in beside.log if "is skipped" in line]
    assert lines == [
        f"{folder}/.hidden is skipped: its name begins with a dot.",
        f"{folder}/good/02 is skipped: a version is a whole number such as 1.",
        f"{folder}/good/7 is skipped: it holds no model.onnx.",
        f"{folder}/good/latest is skipped: a version is a whole number such as 1.",
        f"{folder}/loose is skipped: model.onnx is in no version's folder; put it at {folder}/loose/1/model.onnx.",
        f"{folder}/lost+found is skipped: it is the file system's own.",
        f"{folder}/notes.txt is skipped: it is no folder.",
        f"{folder}/trained is skipped: it holds a trained model and no <version>/model.onnx;"
        f" `python -m convert {folder}/trained/model.keras` makes one.",
    ]


def test_the_list_at_the_root_links_the_good_ones_and_explains_the_bad_ones(beside: Server) -> None:
    page = httpx.get(beside.url)
    assert (page.status_code, "content-security-policy" in page.headers) == (200, True)
    assert '<a href="./good/classify">good</a>' in page.text
    assert "bad%20" not in page.text
    assert ">bad ä</h2>" in page.text
    assert f"Version 3 cannot be served: {IS_POINTER}" in page.text


def test_workers_with_bad_versions_become_ready(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    lone_file(tmp_path / "shade/2/model.onnx", gzip.compress(b"model"))
    with serve_workers({"SERVICE_MODELS": str(tmp_path)}, "--workers", "2") as server:  # waits for /v2/health/ready
        assert post(server, "shade").status_code == 200
        lone_file(tmp_path / "bad/1/model.onnx", b"")
        server.process.send_signal(signal.SIGHUP)  # the new workers find a model that fails, and take over all the same
        deadline = time.monotonic() + 30
        while sum("Finished server process" in line for line in server.log) < 2:
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
        assert "empty, 0 bytes" in post(server, "bad").json()["error"]
        assert "\nservice_workers_ready 2.0\n" in httpx.get(f"{server.url}/metrics").text
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 503


def escape_in_lower_case(name: str) -> str:
    return "".join(f"%{byte:02x}" if byte > 127 or byte in b"% " else chr(byte) for byte in name.encode())


@pytest.mark.parametrize("way", WAYS)
def test_any_folder_name_is_served_at_its_encoded_path(tmp_path: Path, way: str) -> None:
    for name in NAMES:
        shade_model(tmp_path / name / "1/model.onnx")
    with serve({"SERVICE_MODELS": str(tmp_path)}, *WAYS[way]) as server:
        for name in NAMES:
            for path in {
                quote(name, safe=""),
                quote(name),
                quote(name, safe="!$&'()*+,;=:@"),
                escape_in_lower_case(name),
            }:
                assert httpx.post(f"{server.url}/{path}/classify", files=LIGHT).json() == {"cls": 1, "fn": "a"}, path
            assert httpx.get(f"{server.url}/{quote(name, safe='')}/classify").status_code == 200
            assert httpx.get(f"{server.url}/v2/models/{quote(name, safe='')}").json()["name"] == name
            assert post(server, name, "input").status_code == 200
        index = httpx.get(server.url).text
        assert index.count('<section class="panel">') == len(NAMES)
        assert httpx.get(f"{server.url}/v2/models/Gr%C3%B6%C3%9Fe/ready").status_code == 200


def test_the_default_model_is_a_setting(tmp_path: Path) -> None:
    for name in ("a", "b ü"):
        shade_model(tmp_path / name / "1/model.onnx")
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_DEFAULT_MODEL": "b ü"}) as server:
        answer = httpx.get(server.url)
        assert (answer.status_code, answer.headers["location"]) == (307, "./b%20%C3%BC/classify")
        assert "<h1>b ü</h1>" in httpx.get(server.url, follow_redirects=True).text
