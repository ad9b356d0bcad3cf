"""The server as a process: how it starts or refuses to, stops, and bears a slow model."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.service.conftest import png_bytes
from tests.service.models import save, shade_model
from tests.serving import serve


def test_a_slow_model_on_its_thread_answers_and_drops_those_who_left(tmp_path: Path) -> None:
    """A convolution heavy enough to leave the event loop; one of its clients goes away while it waits."""
    slow_model(tmp_path / "slow/1/model.onnx")
    image = png_bytes(np.zeros((64, 64), np.uint8))
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_THREADS": "1", "SERVICE_MAX_WAIT_S": "9"}) as server:
        assert any("on a thread" in line for line in server.log)

        async def main() -> list[int]:
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
                asks = [
                    asyncio.create_task(client.post("/slow/classify", files={"file": (f"{i}", image)}))
                    for i in range(12)
                ]
                await asyncio.sleep(0.02)
                asks[5].cancel()
                health = await client.get("/v2/health/live")
                answers = await asyncio.gather(*asks, return_exceptions=True)
                assert health.status_code == 200
                return [a.status_code for a in answers if isinstance(a, httpx.Response)]

        assert asyncio.run(main()) == [200] * 11


def test_a_server_that_is_told_to_stop_answers_what_it_has_accepted(tmp_path: Path) -> None:
    slow_model(tmp_path / "slow/1/model.onnx")
    image = png_bytes(np.zeros((64, 64), np.uint8))
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_THREADS": "1", "SERVICE_MAX_WAIT_S": "9"}) as server:

        async def main() -> list[int]:
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
                asks = [
                    asyncio.create_task(client.post("/slow/classify", files={"file": ("a", image)})) for _ in range(8)
                ]
                await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
                server.process.terminate()
                return [response.status_code for response in await asyncio.gather(*asks)]

        assert asyncio.run(main()) == [200] * 8


def slow_model(path: Path) -> None:
    weights = [numpy_helper.from_array(np.zeros((64, c, 7, 7), np.float32), f"w{c}") for c in (1, 64)]
    nodes = [helper.make_node("Constant", [], [weight.name], value=weight) for weight in weights] + [
        helper.make_node("Conv", ["image", "w1"], ["a"], pads=[3] * 4),
        helper.make_node("Conv", ["a", "w64"], ["b"], pads=[3] * 4),
        helper.make_node("Conv", ["b", "w64"], ["c"], pads=[3] * 4),
        helper.make_node("ReduceMean", ["c"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    save(path, nodes, ["N", 1, 64, 64], TensorProto.FLOAT, 64)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SERVICE_MODELS": "nowhere"}, "the models folder 'nowhere' does not exist; SERVICE_MODELS names another"),
        ({"SERVICE_MAX_BATCH": "many"}, "SERVICE_MAX_BATCH is 'many'; it must be a whole number of at least 1."),
        ({"SERVICE_DEVICE": "tpu"}, "SERVICE_DEVICE is 'tpu'; it must be one of auto, cpu, cuda, tensorrt."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(environment: dict[str, str], sentence: str) -> None:
    assert start_and_fail(environment) == [f"Cannot start: {sentence}"]


def test_the_start_is_refused_when_nothing_can_be_served(tmp_path: Path) -> None:
    for name in ("a", "b"):
        broken = tmp_path / name / "3/model.onnx"
        broken.parent.mkdir(parents=True)
        broken.write_bytes(b"not a model")
    *lines, last = start_and_fail({"SERVICE_MODELS": str(tmp_path)})
    sentence = "it is text, no model: 'not a model'; download the model again"
    assert lines == [f"{tmp_path}/{name}/3/model.onnx is not served: {sentence}" for name in ("a", "b")]
    assert last == (
        f"Cannot start: cannot serve {tmp_path}/a/3/model.onnx: {sentence}"
        " (1 more cannot be served either; the log names them)"
    )


def test_a_default_model_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    shade_model(tmp_path / "a/1/model.onnx")
    lines = start_and_fail({"SERVICE_MODELS": str(tmp_path), "SERVICE_DEFAULT_MODEL": "b"})
    assert lines == ["Cannot start: SERVICE_DEFAULT_MODEL is 'b'; the models are a."]


def start_and_fail(environment: dict[str, str]) -> list[str]:
    """The error lines before uvicorn's own last one; the exit code is not zero and there is no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "service:app", "--port", "0"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    errors = [line.removeprefix("ERROR:").strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert errors[-1] == "Application startup failed. Exiting."
    return errors[:-1]


def test_importing_the_service_loads_no_training_stack() -> None:
    code = (
        "import sys, json, service\n"
        "print(json.dumps([m for m in ('tensorflow', 'keras', 'tf2onnx', 'onnx', 'matplotlib') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert json.loads(done.stdout) == []
