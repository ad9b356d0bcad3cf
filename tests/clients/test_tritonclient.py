"""Triton's own client, as it is: every call that applies, and a refusal in order for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from service.api.tensors import name_datatype

triton = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
Tensor = NDArray[Any]
LIGHT = np.full((2, 4, 4, 1), 255, np.uint8)
FLOATS = np.random.default_rng(0).normal(size=(3, 3, 4, 4)).astype(np.float32)


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    with triton.InferenceServerClient(address, concurrency=4, network_timeout=30) as client:
        yield client


def given(tensor: Tensor, binary: bool = True) -> list[Any]:
    tensor_input = triton.InferInput("image", list(tensor.shape), name_datatype(tensor.dtype.name))
    tensor_input.set_data_from_numpy(tensor, binary_data=binary)
    return [tensor_input]


def expected(models: Path, tensor: Tensor) -> Tensor:
    session = ort.InferenceSession(models / "colour/1/model.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"image": tensor})
    return np.asarray(scores)


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("shade")
    assert client.is_model_ready("shade", "3")
    assert not client.is_model_ready("shade", "4")
    assert not client.is_model_ready("other")
    server = client.get_server_metadata()
    assert (server["name"], "binary_tensor_data" in server["extensions"]) == ("upload-and-classify", True)
    assert client.get_model_metadata("colour", "1")["inputs"] == [
        {"name": "image", "datatype": "FP32", "shape": [-1, 3, 4, 4]}
    ]
    assert client.get_model_config("colour")["max_batch_size"] == 256
    index = client.get_model_repository_index()
    assert [(each["name"], each["version"], each["state"]) for each in index] == [
        ("colour", "1", "READY"),
        ("shade", "3", "READY"),
    ]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
def test_infer(client: Any, clients_models: Path, binary_in: bool, binary_out: bool, coding: str | None) -> None:
    result = client.infer(
        "colour",
        given(FLOATS, binary_in),
        model_version="1",
        outputs=[triton.InferRequestedOutput("scores", binary_data=binary_out)],
        request_id="seven",
        request_compression_algorithm=coding,
        response_compression_algorithm=coding,
        timeout=10_000_000,
    )
    np.testing.assert_array_equal(result.as_numpy("scores"), expected(clients_models, FLOATS))
    assert (result.get_response()["id"], result.get_response()["model_version"]) == ("seven", "1")


def test_outputs_that_are_not_named_come_as_bytes(client: Any, clients_models: Path) -> None:
    result = client.infer("colour", given(FLOATS))
    np.testing.assert_array_equal(result.as_numpy("scores"), expected(clients_models, FLOATS))
    assert "binary_data_size" in result.get_output("scores")["parameters"]


def test_async_infer(client: Any, clients_models: Path) -> None:
    asked = [client.async_infer("colour", given(FLOATS + index)) for index in range(20)]
    for index, one in enumerate(asked):
        given_scores = one.get_result().as_numpy("scores")
        np.testing.assert_allclose(given_scores, expected(clients_models, FLOATS + index), rtol=0, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_classification(client: Any, binary: bool) -> None:
    outputs = [triton.InferRequestedOutput("scores", binary_data=binary, class_count=2)]
    best = client.infer("shade", given(LIGHT), outputs=outputs).as_numpy("scores")
    assert best.shape == (2, 2)
    words = [word.decode() if isinstance(word, bytes) else word for word in best[0]]
    assert words == ["1.000000:1:light", "0.000000:0:dark"]


def test_a_body_that_the_client_makes_and_reads(client: Any) -> None:
    """As perf_analyzer and others send it themselves."""
    body, length = triton.InferenceServerClient.generate_request_body(given(LIGHT))
    assert length is not None
    assert len(body) > length


def test_statistics(client: Any) -> None:
    before = client.get_inference_statistics("shade")["model_stats"][0]["inference_count"]
    client.infer("shade", given(LIGHT))
    (after,) = client.get_inference_statistics("shade", "3")["model_stats"]
    assert after["inference_count"] == before + len(LIGHT)
    assert {each["name"] for each in client.get_inference_statistics()["model_stats"]} == {"colour", "shade"}


def over_shared_memory(client: Any) -> None:
    tensor_input = triton.InferInput("image", [2, 4, 4, 1], "UINT8")
    tensor_input.set_shared_memory("region", 32)
    client.infer("shade", [tensor_input])


def to_shared_memory(client: Any) -> None:
    output = triton.InferRequestedOutput("scores")
    output.set_shared_memory("region", 16)
    client.infer("shade", given(LIGHT), outputs=[output])


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an unknown model": (lambda client: client.infer("other", given(LIGHT)), "no model is called 'other'"),
    "an unknown version": (lambda client: client.infer("shade", given(LIGHT), "7"), "version '7' of 'shade'"),
    "another type": (lambda client: client.infer("shade", given(FLOATS)), "datatype is 'FP32'"),
    "shared memory, in": (over_shared_memory, "shared memory is not offered"),
    "shared memory, out": (to_shared_memory, "shared memory is not offered"),
    "a region": (
        lambda client: client.register_system_shared_memory("region", "/key", 32),
        "shared memory is not offered",
    ),
    "regions": (lambda client: client.get_system_shared_memory_status(), "shared memory is not offered"),
    "CUDA's regions": (lambda client: client.get_cuda_shared_memory_status(), "shared memory is not offered"),
    "no region": (lambda client: client.unregister_cuda_shared_memory(), "shared memory is not offered"),
    "a sequence": (lambda client: client.infer("shade", given(LIGHT), sequence_id=3), "sequences are not offered"),
    "loading, where the folder is followed": (lambda client: client.load_model("shade"), "SERVICE_MODEL_CONTROL"),
    "unloading": (lambda client: client.unload_model("shade"), "SERVICE_MODEL_CONTROL"),
    "traces": (lambda client: client.get_trace_settings(), "Not Found"),
    "the log": (lambda client: client.get_log_settings(), "Not Found"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_refused_in_a_sentence(client: Any, what: str) -> None:
    call, sentence = REFUSED[what]
    with pytest.raises(triton.InferenceServerException, match=sentence) as caught:
        call(client)
    assert caught.value.status() == "400"
