"""Other servers than ours run the application, and their process stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from bench.server import READY_PATH, running
from tests.service.models import shade_model
from tests.service.test_outage import post_until_503
from tests.serving import serve

COMMANDS = {  # as docs/operations.md has them
    "service": "service --port {port} --app service:app",
    "uvicorn": "uvicorn --port {port} service:app",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} service.application:create_app()",
    "granian": "granian --interface asgi --port {port} service:app",
}
OURS = ["threshold", "frozen"]  # what the lifespan may change where uvicorn serves


@contextmanager
def host(name: str, app: str = "", models: Path = Path("models")) -> Iterator[httpx.Client]:
    """A client of the application, or of another one, on that server."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is missing; the extra `test` has it")
    *options, own_app = COMMANDS[name].split()

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", *(word.format(port=port) for word in options), app or own_app]

    with (
        running(command, READY_PATH, {"SERVICE_MODELS": str(models)}) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_gets_its_class_and_another_file_a_404(name: str) -> None:
    with host(name) as client:
        good = client.post("/mnist/classify", files={"file": ("0-7.png", Path("imgs/0-7.png").read_bytes())})
        bad = client.post("/mnist/classify", files={"file": ("LICENSE", Path("LICENSE").read_bytes())})
    assert (good.status_code, good.json()) == (200, {"cls": 7, "fn": "0-7.png"})
    assert (bad.status_code, bad.json()) == (404, {"error": "LICENSE: this is text; send a PNG"})


@pytest.mark.parametrize("name", COMMANDS)
def test_the_lifespan_changes_the_process_of_uvicorn_only(name: str) -> None:
    with host(name, "tests.service.host_app:app") as client:
        assert client.get("/changed").json()["changed"] == (OURS if name in ("service", "uvicorn") else [])
        picture = {"file": Path("imgs/0-7.png").read_bytes()}
        assert client.post("/mnist/classify", files=picture).json()["cls"] == 7  # without a `state` in the scope


@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_a_process_whose_device_fails_is_the_host_s_to_end(name: str, tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    with host(name, "tests.service.lost_host_app:app", tmp_path) as client:
        before = client.get("/changed").json()["pid"]
        post_until_503(client)
        assert client.get("/v2/health/live").status_code == 503
        assert client.get("/changed").json()["pid"] == before


def test_below_a_prefix_each_path_is_what_follows_it(tmp_path: Path) -> None:
    """As uvicorn has it with --root-path, and whoever mounts the application."""
    shade_model(tmp_path / "shade/1/model.onnx")
    environment = {"SERVICE_MODELS": str(tmp_path), "SERVICE_API_KEY": "key"}
    with serve(environment, "--root-path", "/under") as server:
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        key = {"x-api-key": "key"}
        unknown = httpx.get(f"{server.url}/v2/models/nobody", headers=key)
        assert (unknown.status_code, unknown.json()["error"][:29]) == (400, "no model is called 'nobody'; ")
        nothing = httpx.get(f"{server.url}/v2/nothing", headers=key)
        assert (nothing.status_code, nothing.json()["error"][:16]) == (400, "GET /v2/nothing:")
        assert httpx.post(f"{server.url}/shade/classify", headers=key, content=b"x").status_code == 404
