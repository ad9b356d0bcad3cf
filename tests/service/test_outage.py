"""What clients and orchestrators see when the device of a model fails, and what is counted."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import numpy as np

from tests.service.conftest import png_bytes
from tests.service.models import shade_model
from tests.serving import Server, serve

WHITE = {"file": ("0-light.png", png_bytes(np.full((4, 4), 255, np.uint8)), "image/png")}


def post_until_503(client: httpx.Client) -> httpx.Response:
    for _ in range(400):
        answer = client.post("/shade/classify", files=WHITE)
        if answer.status_code == 503:
            return answer
        assert answer.json()["cls"] == 1
    raise AssertionError("the device never failed")


def test_a_server_alone_stays_up_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    environment = {"SERVICE_MODELS": str(tmp_path)}
    with (
        serve(environment, app="tests.service.lost_app:app") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert client.get("/v2/health/ready").status_code == 200
        answer = post_until_503(client)
        assert answer.json()["error"].startswith("the device that runs the model has failed: CUDA failure 700: ")
        assert answer.headers["retry-after"] == "1"
        for path, body in [
            ("/v2/health/ready", {"ready": False}),
            ("/v2/health/live", {"live": False}),
            ("/v2/models/shade/ready", {"ready": False}),
        ]:
            assert (client.get(path).status_code, client.get(path).json()) == (503, body)
        assert "waits to be restarted" in client.post("/shade/classify", files=WHITE).json()["error"]
        assert 'service_model_ready{model="shade"} 0.0' in client.get("/metrics").text
        assert not [line for line in server.log if "Traceback" in line]


def test_a_worker_whose_device_fails_is_replaced(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    environment = {"SERVICE_MODELS": str(tmp_path)}
    with serve(environment, "--workers", "2", app="tests.service.lost_app:app") as server:

        def await_starts(count: int) -> None:
            deadline = time.monotonic() + 30
            while sum("Application startup complete" in line for line in server.log) < count:
                assert time.monotonic() < deadline, server.log
                time.sleep(0.05)

        await_starts(2)
        with httpx.Client(base_url=server.url) as client:  # one connection, so one worker
            post_until_503(client)
        await_starts(3)
        assert httpx.post(f"{server.url}/shade/classify", files=WHITE).status_code == 200
        assert sum("This worker ends, because its device has failed." in line for line in server.log) == 1


def test_metrics_count_what_was_asked_and_name_the_provider(server: Server) -> None:
    def read() -> dict[str, float]:
        lines = httpx.get(f"{server.url}/metrics").text.splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    before = read()
    (info,) = (name for name in before if name.startswith("service_model_info{") and 'model="shade"' in name)
    assert 'device="cpu"' in info
    assert 'provider="CPUExecutionProvider"' in info
    for files in ([WHITE["file"]] * 3, [WHITE["file"]], [("x.png", b"no PNG", "image/png")]):
        httpx.post(f"{server.url}/shade/classify", files=[("file", file) for file in files])
    after = read()
    grown = {name: after[name] - before.get(name, 0) for name in after if 'model="shade"' in name}
    assert grown['service_requests_total{model="shade",route="classify",status="200"}'] == 2
    assert grown['service_requests_total{model="shade",route="classify",status="404"}'] == 1
    assert grown['service_images_total{model="shade",version="10"}'] == 4
    assert grown['service_batch_size_images_bucket{le="1",model="shade"}'] == 1
    assert grown['service_batch_size_images_bucket{le="4",model="shade"}'] == 2
    assert grown['service_batch_size_images_bucket{le="+Inf",model="shade"}'] == 2
    assert grown['service_batch_size_images_sum{model="shade"}'] == 4
    assert grown['service_inference_seconds_count{model="shade"}'] == 2
    for duration in ("decode", "queue", "inference"):
        assert 0 < grown[f'service_{duration}_seconds_sum{{model="shade"}}'] < 1
    assert after['service_queue_images{model="shade"}'] == 0
    assert after['service_model_ready{model="shade"}'] == 1


def test_metrics_speak_openmetrics_to_those_who_ask(server: Server) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = httpx.get(f"{server.url}/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
