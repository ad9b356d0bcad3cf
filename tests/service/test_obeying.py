"""Models are loaded and unloaded by order, in all workers, where SERVICE_MODEL_CONTROL is explicit."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.application import create_app
from service.following import TURN_S
from service.settings import Settings
from tests.service.test_following import classify, put, wait_for
from tests.serving import Server, serve, serve_workers


@pytest.fixture
def models(tmp_path: Path) -> Path:
    put(tmp_path, 1)
    put(tmp_path, 1, "other")
    return tmp_path


@pytest.fixture(params=["a process", "three workers"])
def server(request: pytest.FixtureRequest, models: Path) -> Iterator[Server]:
    environment = {"SERVICE_MODELS": str(models), "SERVICE_MODEL_CONTROL": "explicit", "SERVICE_DEVICE": "cpu"}
    with serve(environment) if request.param == "a process" else serve_workers(environment, "--workers", "3") as server:
        yield server


def order(server: Server, what: str, name: str = "mnist", **others: Any) -> tuple[int, str]:
    answer = httpx.post(f"{server.url}/v2/repository/models/{name}/{what}", timeout=60, **others)
    return answer.status_code, answer.json()["error"] if answer.content else ""


def answers(server: Server, name: str = "mnist") -> set[str]:
    """What connections to all workers get, hardly one of them left out."""
    return {str(classify(server, name)) for _ in range(12)}


def test_the_folder_waits_for_an_order(server: Server, models: Path) -> None:
    put(models, 2)
    time.sleep(0.5)
    assert answers(server) == {"1:7"}
    assert order(server, "load") == (200, "")
    assert answers(server) == {"2:7"}
    shutil.rmtree(models / "mnist" / "2")
    assert answers(server) == {"2:7"}
    assert order(server, "load") == (200, "")
    assert answers(server) == {"1:7"}


def test_what_is_unloaded_comes_back_by_order(server: Server, models: Path) -> None:
    assert order(server, "unload", json={"parameters": {"unload_dependents": False}}) == (200, "")
    told = "the model 'mnist' is unloaded; POST /v2/repository/models/mnist/load loads it"
    assert answers(server) == {told}
    index = httpx.post(f"{server.url}/v2/repository/index").json()
    assert index[0] == {"name": "mnist", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
    assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    assert answers(server, "other") == {"1:7"}
    assert order(server, "unload") == (400, "no model that is served is called 'mnist'")
    assert order(server, "load") == (200, "")
    assert answers(server) == {"1:7"}


def test_a_new_model_is_loaded_and_a_bad_one_is_refused(server: Server, models: Path) -> None:
    assert order(server, "load", "third") == (400, "the models folder has no third/<version>/model.onnx")
    put(models, 4, "third")
    assert order(server, "load", "third") == (200, "")
    assert answers(server, "third") == {"4:7"}
    bad = models / "third" / "5" / "model.onnx"
    bad.parent.mkdir()
    bad.write_bytes(b"no model")
    status, sentence = order(server, "load", "third")
    assert (status, sentence[:29]) == (400, "version 5 cannot be served: i")
    assert answers(server, "third") == {"4:7"}


def test_what_a_request_may_not_bring_is_refused(server: Server) -> None:
    sentence = "models come from the folder as they are; config and files in a request are not offered"
    assert order(server, "load", json={"parameters": {"config": "{}"}}) == (400, sentence)
    assert order(server, "load", content=b"{") == (400, "the body is not JSON of at most 65536 bytes")


def test_orders_under_load_lose_nothing(server: Server, models: Path) -> None:
    put(models, 2, "other")

    def ask(_: int) -> str:
        return str(classify(server, "other"))

    with ThreadPoolExecutor(4) as threads:
        asked = threads.map(ask, range(80))
        for _ in range(3):
            assert order(server, "load", "other") == (200, "")
        assert set(asked) == {"1:7", "2:7"}


def test_a_worker_that_takes_anothers_place_serves_what_the_others_do(models: Path) -> None:
    environment = {"SERVICE_MODELS": str(models), "SERVICE_MODEL_CONTROL": "explicit", "SERVICE_DEVICE": "cpu"}
    with serve_workers(environment, "--workers", "2") as server:
        assert order(server, "unload", "other") == (200, "")
        put(models, 2)  # which nobody has ordered
        workers = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(workers[-1]), signal.SIGKILL)
        wait_for(lambda: any("another one takes its place" in line for line in server.log), server)
        wait_for(lambda: httpx.get(f"{server.url}/v2/health/ready").status_code == 200, server)
        assert answers(server) == {"1:7"}
        assert answers(server, "other") == {
            "the model 'other' is unloaded; POST /v2/repository/models/other/load loads it"
        }
        assert order(server, "load") == (200, "")
        assert answers(server) == {"2:7"}


def test_what_obeys_goes_on_after_an_error_that_is_not_foreseen(
    models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        app = create_app(Settings(models=models, model_control="explicit", device="cpu"))
        async with app.router.lifespan_context(app):
            obeyer = app.state.obeyer
            with monkeypatch.context() as patched:
                patched.setattr(obeyer, "look", fail)
                await asyncio.sleep(4 * TURN_S)
            put(models, 2)
            await asyncio.wait_for(obeyer.order("mnist", unload=False), 20)
            assert app.state.registry.models["mnist"].model.version == 2

    async def fail() -> None:
        raise PermissionError("Permission denied")

    asyncio.run(main())
    assert "Looking at the models folder has failed in a way that is not foreseen." in caplog.text
