"""POST /v2/models/<model>/infer: its answers are ONNX Runtime's."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.service.api.infer_cases import HEADER_LENGTH, as_binary, as_json, unpack
from tests.service.conftest import WAYS
from tests.service.models import colour_model, nan_model, save, shade_model
from tests.serving import Server, serve

Tensor = NDArray[Any]
RNG = np.random.default_rng(0)


def mixed_model(path: Path) -> Path:
    """(N, 3, 4, 4) float → logits (N, 3), a hidden layer that they are made of, and which is the highest."""
    weights = numpy_helper.from_array(np.random.default_rng(1).normal(size=(48, 8)).astype(np.float32), "weights")
    more = numpy_helper.from_array(np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32), "more")
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "more"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["highest"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "mixed",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3]),
            helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["N", 8]),
            helper.make_tensor_value_info("highest", TensorProto.INT64, ["N"]),
        ],
        [weights, more],
    )
    path.parent.mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"upload_and_classify.output": "scores", "names": "{0: 'ä', 1: 'b', 2: 'c'}"})
    path.write_bytes(model.SerializeToString())
    return path


def mean_of_batch_model(path: Path) -> Path:
    """(N, 4, 4, 1) uint8 → scores that depend on all images of the batch."""
    shade = helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT)
    nodes = [
        shade,
        helper.make_node("ReduceMean", ["pixels"], ["each"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["pixels"], ["all"], axes=[0, 1, 2], keepdims=0),
        helper.make_node("Sub", ["each", "all"], ["light"]),
        helper.make_node("Concat", ["light", "light"], ["scores"], axis=1),
    ]
    return save(path, nodes, ["N", 4, 4, 1], TensorProto.UINT8, 2)


def picky_model(path: Path) -> Path:
    """(N, 1, 4, 4) float → two scores; a mean of 2 or more makes the run fail, as an index that is out of range."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Cast", ["mean"], ["index"], to=TensorProto.INT64),
        helper.make_node(
            "Constant", [], ["table"], value=numpy_helper.from_array(np.array([[1, 2], [2, 1]], np.float32))
        ),
        helper.make_node("Gather", ["table", "index"], ["scores"]),
    ]
    return save(path, nodes, ["N", 1, 4, 4], TensorProto.FLOAT, 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shade_model(folder / "shade/3/model.onnx")
    colour_model(folder / "colour/1/model.onnx")
    colour_model(folder / "half/1/model.onnx", dtype=TensorProto.FLOAT16)
    mixed_model(folder / "mixed/1/model.onnx")
    mean_of_batch_model(folder / "together/1/model.onnx")
    shade_model(folder / "pairs/1/model.onnx", batch=2)
    picky_model(folder / "picky/1/model.onnx")
    nan_model(folder / "nan/1/model.onnx", above=200)
    return folder


@pytest.fixture(scope="module", params=WAYS)
def server(models: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    environment = {"SERVICE_MODELS": str(models), "SERVICE_DEVICE": "cpu", "SERVICE_MAX_PARTS": "80"}
    with serve(environment, *WAYS[request.param]) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"accept-encoding": "identity"}) as client:
        yield client


def infer(client: httpx.Client, model: str, tensor: Tensor, binary: bool = False, **others: Any) -> dict[str, Tensor]:
    if binary:
        body, headers = as_binary(tensor, **others)
    else:
        body, headers = json.dumps(as_json(tensor, **others)).encode(), {}
    answer = client.post(f"/v2/models/{model}/infer", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return unpack(answer.content, answer.headers.get(HEADER_LENGTH))[1]


def expected(models: Path, model: str, tensor: Tensor) -> dict[str, Tensor]:
    (path,) = (models / model).glob("*/model.onnx")
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, {"image": tensor}), strict=True))


TENSORS = {
    "shade": RNG.integers(0, 256, (5, 4, 4, 1), np.uint8),
    "colour": RNG.normal(size=(3, 3, 4, 4)).astype(np.float32),
    "half": RNG.normal(size=(2, 3, 4, 4)).astype(np.float16),
    "mixed": RNG.normal(size=(64, 3, 4, 4)).astype(np.float32),
    "together": RNG.integers(0, 256, (5, 4, 4, 1), np.uint8),
    "pairs": RNG.integers(0, 256, (2, 4, 4, 1), np.uint8),
}


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("model", TENSORS)
def test_every_output_is_exactly_session_run(client: httpx.Client, models: Path, model: str, binary: bool) -> None:
    given, wanted = infer(client, model, TENSORS[model], binary), expected(models, model, TENSORS[model])
    assert list(given) == list(wanted)
    for name, output in wanted.items():
        assert given[name].dtype == output.dtype
        np.testing.assert_array_equal(given[name], output)


def test_rows_of_many_requests_share_runs(client: httpx.Client, models: Path) -> None:
    tensors = [RNG.normal(size=(1 + index % 3, 3, 4, 4)).astype(np.float32) for index in range(60)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda tensor: infer(client, "mixed", tensor, binary=True), tensors))
    for tensor, answer in zip(tensors, answers, strict=True):
        for name, output in expected(models, "mixed", tensor).items():
            np.testing.assert_allclose(answer[name], output, rtol=0, atol=1e-5)


def test_more_rows_than_a_batch_has_are_run_in_several(client: httpx.Client, models: Path) -> None:
    tensor = RNG.normal(size=(80, 3, 4, 4)).astype(np.float32)
    for name, output in expected(models, "mixed", tensor).items():
        np.testing.assert_allclose(infer(client, "mixed", tensor)[name], output, rtol=0, atol=1e-5)


def test_the_answer_says_what_it_is(client: httpx.Client) -> None:
    asked = as_json(np.zeros((1, 4, 4, 1), np.uint8), id="seven")
    assert client.post("/v2/models/shade/infer", json=asked).json() == {
        "model_name": "shade",
        "model_version": "3",
        "id": "seven",
        "outputs": [{"name": "scores", "datatype": "FP32", "shape": [1, 2], "data": [0.0, 1.0][::-1]}],
    }
    assert client.post("/v2/models/shade/versions/3/infer", json=asked).status_code == 200
    answer = client.post("/v2/models/shade/versions/4/infer", json=asked)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "version '4' of 'shade' is not served; version 3 is"},
    )


def test_numbers_may_be_one_flat_list_or_nested(client: httpx.Client) -> None:
    tensor = TENSORS["shade"][:2]
    asked = as_json(tensor)
    answers = []
    for data in (tensor.tolist(), tensor.ravel().tolist(), tensor.reshape(2, 16).tolist()):
        asked["inputs"][0]["data"] = data
        answers.append(client.post("/v2/models/shade/infer", json=asked).json())
    assert answers[0] == answers[1] == answers[2]


def test_outputs_come_as_they_are_asked_for(client: httpx.Client, models: Path) -> None:
    tensor = TENSORS["mixed"][:2]
    wanted = expected(models, "mixed", tensor)
    outputs = [{"name": "highest", "parameters": {"binary_data": False}}, {"name": "scores"}]
    body, headers = as_binary(tensor, outputs=outputs, parameters={"binary_data_output": True})
    answer = client.post("/v2/models/mixed/infer", content=body, headers=headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    header, given = unpack(answer.content, answer.headers[HEADER_LENGTH])
    assert [list(output) for output in header["outputs"]] == [
        ["name", "datatype", "shape", "data"],
        ["name", "datatype", "shape", "parameters"],
    ]
    assert list(given) == ["highest", "scores"]
    for name, output in given.items():
        np.testing.assert_array_equal(output, wanted[name])


def test_a_body_may_be_the_tensor_alone(client: httpx.Client, models: Path) -> None:
    tensor = TENSORS["colour"]
    answer = client.post("/v2/models/colour/infer", content=tensor.tobytes(), headers={HEADER_LENGTH: "0"})
    given = unpack(answer.content, answer.headers[HEADER_LENGTH])[1]
    np.testing.assert_array_equal(given["scores"], expected(models, "colour", tensor)["scores"])


def test_classification_gives_values_indices_and_labels(client: httpx.Client, models: Path) -> None:
    tensor = TENSORS["mixed"][:2]
    scores = expected(models, "mixed", tensor)["scores"]
    asked = as_json(tensor, outputs=[{"name": "scores", "parameters": {"classification": 2}}])
    (output,) = client.post("/v2/models/mixed/infer", json=asked).json()["outputs"]
    best = [np.argsort(-row)[:2].tolist() for row in scores]
    words = [f"{scores[row][index]:f}:{index}:{'äbc'[index]}" for row in range(2) for index in best[row]]
    assert output == {"name": "scores", "datatype": "BYTES", "shape": [2, 2], "data": words}
    asked["outputs"][0]["parameters"]["binary_data"] = True
    answer = client.post("/v2/models/mixed/infer", json=asked)
    binary = answer.content[int(answer.headers[HEADER_LENGTH]) :]
    assert binary == b"".join(len(word.encode()).to_bytes(4, "little") + word.encode() for word in words)
    unlabelled = as_json(TENSORS["shade"][:1], outputs=[{"name": "scores", "parameters": {"classification": 9}}])
    (output,) = client.post("/v2/models/shade/infer", json=unlabelled).json()["outputs"]
    assert [word.split(":")[1:] for word in output["data"]] == (
        [["0"], ["1"]] if TENSORS["shade"][0].mean() < 127.5 else [["1"], ["0"]]
    )


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize("rows", [1, 64])
def test_bodies_may_be_compressed_both_ways(
    client: httpx.Client, models: Path, coding: str, pack: Any, rows: int
) -> None:
    tensor = TENSORS["mixed"][:rows]
    for body, headers in (as_binary(tensor), (json.dumps(as_json(tensor)).encode(), {})):
        coded = {**headers, "content-encoding": coding, "accept-encoding": coding}
        answer = client.post("/v2/models/mixed/infer", content=pack(body), headers=coded)
        assert answer.headers.get("content-encoding", "") == ("" if rows == 1 else coding)
        given = unpack(answer.content, answer.headers.get(HEADER_LENGTH))[1]
        np.testing.assert_array_equal(given["scores"], expected(models, "mixed", tensor)["scores"])


def test_a_tensor_that_the_model_cannot_run_on_harms_no_other(client: httpx.Client, models: Path) -> None:
    """Requests that share its run get their answers, and it gets the reason."""
    tensors = [np.full((1, 1, 4, 4), index % 4, np.float32) for index in range(40)]

    def ask(tensor: Tensor) -> httpx.Response:
        return client.post("/v2/models/picky/infer", json=as_json(tensor))

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, tensors))
    for tensor, answer in zip(tensors, answers, strict=True):
        assert answer.status_code == (200 if tensor.max() < 2 else 400), answer.text
        if tensor.max() >= 2:
            assert answer.json()["error"].startswith("the model cannot run on this tensor: ")


def test_what_json_cannot_say_is_given_as_bytes(client: httpx.Client) -> None:
    tensor = np.full((1, 4, 4, 1), 255, np.uint8)
    answer = client.post("/v2/models/nan/infer", json=as_json(tensor))
    told = "output 'scores' has NaN or infinity, for which JSON has no form; ask for it as binary_data"
    assert (answer.status_code, answer.json()) == (400, {"error": told})
    assert np.isnan(infer(client, "nan", tensor, binary=True, parameters={"binary_data_output": True})["scores"]).all()


def test_metadata_is_what_infer_takes_and_gives(client: httpx.Client) -> None:
    metadata = client.get("/v2/models/mixed").json()
    assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 4, 4]}]
    assert metadata["outputs"] == [
        {"name": "scores", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "hidden", "datatype": "FP32", "shape": [-1, 8]},
        {"name": "highest", "datatype": "INT64", "shape": [-1]},
    ]
