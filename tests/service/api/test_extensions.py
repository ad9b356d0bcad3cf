"""What Triton adds: configuration, statistics, the repository's index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.service.api.infer_cases import as_json
from tests.service.models import colour_model, shade_model
from tests.serving import serve


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("models")
    shade_model(folder / "shade/3/model.onnx", batch=2)
    colour_model(folder / "colour/1/model.onnx")
    (folder / "colour/2").mkdir()
    (folder / "colour/2/model.onnx").write_bytes(b"nothing")
    environment = {"SERVICE_MODELS": str(folder), "SERVICE_DEVICE": "cpu"}
    with serve(environment) as server, httpx.Client(base_url=server.url) as client:
        yield client


def test_the_extensions_that_are_named_are_there(client: httpx.Client) -> None:
    assert client.get("/v2").json()["extensions"] == [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ]


def test_the_configuration_is_in_tritons_words(client: httpx.Client) -> None:
    config = client.get("/v2/models/colour/config").json()
    assert config == {
        "name": "colour",
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": 256,
        "input": [{"name": "image", "data_type": "TYPE_FP32", "dims": [3, 4, 4]}],
        "output": [{"name": "scores", "data_type": "TYPE_FP32", "dims": [3]}],
        "instance_group": [{"name": "colour", "kind": "KIND_CPU", "count": 1}],
        "dynamic_batching": {},
    }
    fixed = client.get("/v2/models/shade/versions/3/config").json()
    assert (fixed["max_batch_size"], fixed["input"][0]["dims"], fixed["output"][0]["dims"]) == (0, [2, 4, 4, 1], [2, 2])


def test_statistics_count_rows_and_requests(client: httpx.Client) -> None:
    good, bad = as_json(np.zeros((5, 3, 4, 4), np.float32)), as_json(np.zeros((5, 3, 4, 5), np.float32))
    assert [client.post("/v2/models/colour/infer", json=asked).status_code for asked in (good, good, bad)] == [
        200,
        200,
        400,
    ]
    (counted,) = client.get("/v2/models/colour/stats").json()["model_stats"]
    assert (counted["name"], counted["version"], counted["inference_count"]) == ("colour", "1", 10)
    assert 0 < counted["execution_count"] <= 10
    assert {name: each["count"] for name, each in counted["inference_stats"].items()} == {
        "success": 2,
        "fail": 1,
        "queue": 10,
        "compute_input": 2,
        "compute_infer": counted["execution_count"],
        "compute_output": 2,
    }
    assert counted["inference_stats"]["compute_infer"]["ns"] > 0
    assert [each["name"] for each in client.get("/v2/models/stats").json()["model_stats"]] == ["colour", "shade"]
    assert client.get("/v2/models/colour/versions/2/stats").status_code == 503


def test_the_index_has_all_versions_or_those_that_are_served(client: httpx.Client) -> None:
    index = client.post("/v2/repository/index").json()
    assert [(each["name"], each["version"], each["state"]) for each in index] == [
        ("colour", "1", "READY"),
        ("colour", "2", "UNAVAILABLE"),
        ("shade", "3", "READY"),
    ]
    ready = client.post("/v2/repository/index", json={"ready": True}).json()
    assert ready == [each for each in index if each["state"] == "READY"]
    assert client.post("/v2/repository/index", content=b"[1]").json() == {
        "error": "the body is [1]; it must be a JSON object"
    }
