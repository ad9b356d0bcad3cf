"""Requests for inference that lie, are broken, or ask for too much: each gets a sentence, and the server goes on.

The ideas are those of Triton's qa/L0_http.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from bench.chaos.slow import SIDE, slow_model
from bench.processes import read_usage
from service.api.infer_request import check_shape
from service.errors import TensorError
from tests.service.api.infer_cases import HEADER_LENGTH, as_binary, as_json, pack
from tests.service.conftest import WAYS
from tests.service.models import colour_model, shade_model
from tests.serving import Server, serve

IMAGE = np.zeros((1, 4, 4, 1), np.uint8)
MAX_BODY = 2_000_000


@pytest.fixture(scope="module", params=WAYS)
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("models")
    shade_model(folder / "shade/1/model.onnx")
    colour_model(folder / "large/1/model.onnx", 200)
    environment = {"SERVICE_MODELS": str(folder), "SERVICE_DEVICE": "cpu", "SERVICE_MAX_BODY_BYTES": str(MAX_BODY)}
    with serve(environment, *WAYS[request.param]) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield client
        answer = client.post("/v2/models/shade/infer", json=as_json(IMAGE))
        assert answer.status_code == 200, "the server does not go on"


def ask(client: httpx.Client, content: Any, headers: dict[str, str] | None = None, model: str = "shade") -> str:
    """The sentence of a refusal."""
    answer = client.post(f"/v2/models/{model}/infer", content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


def changed(**others: Any) -> dict[str, Any]:
    """A good request whose input has other members; what is None is left out."""
    request = as_json(IMAGE)
    given = {**request["inputs"][0], **others}
    return {"inputs": [{key: value for key, value in given.items() if value is not None}]}


SHAPE = "the model takes [-1, 4, 4, 1]"
TOO_DEEP = "the JSON has too many levels, one within another"
NESTED = (
    TOO_DEEP if sys.version_info < (3, 12) else "inputs are []; the model has one, 'image'"
)  # later Python reads it
FREE = f"{SHAPE}, where -1 is any number from 1"
BROKEN: dict[str, tuple[Any, str]] = {
    "an unknown name": (changed(name="other"), "inputs are [\"other\"]; the model has one, 'image'"),
    "no inputs": ({}, "inputs are []; the model has one, 'image'"),
    "the input twice": (
        {"inputs": as_json(IMAGE)["inputs"] * 2},
        'inputs are ["image", "image"]; the model has one, \'image\'',
    ),
    "inputs that are no list": (
        {"inputs": {"name": "image"}},
        'inputs is {"name": "image"}; it must be a list of objects',
    ),
    "no object": ([1], 'the JSON is no object; send {"inputs": …}'),
    "another type": (changed(datatype="FP32"), "datatype is 'FP32'; the model takes UINT8"),
    "no type": (changed(datatype=None), "datatype is null; the model takes UINT8"),
    "a negative side": (
        changed(shape=[-1, 4, 4, 1]),
        f"shape is [-1, 4, 4, 1]; {FREE}",
    ),
    "no rows": (changed(shape=[0, 4, 4, 1], data=[]), f"shape is [0, 4, 4, 1]; {FREE}"),
    "a side that is no number": (
        changed(shape=["1", 4, 4, 1]),
        f'shape is ["1", 4, 4, 1]; {FREE}',
    ),
    "a side that is true": (
        changed(shape=[True, 4, 4, 1]),
        f"shape is [true, 4, 4, 1]; {FREE}",
    ),
    "too few sides": (changed(shape=[16]), f"shape is [16]; {FREE}"),
    "a shape that is no list": (changed(shape="1441"), f"shape is '1441'; {FREE}"),
    "a wrong side": (changed(shape=[1, 2, 8, 1]), f"shape is [1, 2, 8, 1]; {SHAPE}"),
    "a huge side": (
        changed(shape=[2**62, 4, 4, 1]),
        "the tensor has 4611686018427387904 rows; at most 256 are allowed",
    ),
    "many huge sides": (
        changed(shape=[2**62] * 4),
        f"shape is [{2**62}, {2**62}, {2**62 // 10**12}…; {SHAPE}",
    ),
    "too many rows": (changed(shape=[257, 4, 4, 1]), "the tensor has 257 rows; at most 256 are allowed"),
    "too few numbers": (changed(data=[1, 2, 3]), "data has 3 numbers; the shape [1, 4, 4, 1] has 16"),
    "too many numbers": (changed(data=[0] * 17), "data has 17 numbers; the shape [1, 4, 4, 1] has 16"),
    "no numbers": (changed(data=[]), "data has 1 numbers; the shape [1, 4, 4, 1] has 16"),
    "lists that are not the shape's": (
        changed(data=[[0, 0], [0] * 14]),
        "data must be one flat list of numbers, or nested as its shape [1, 4, 4, 1] is",
    ),
    "a number that does not fit": (changed(data=[300] + [0] * 15), "UINT8 is 0 to 255; data holds 0 to 300"),
    "a negative number": (changed(data=[-1] + [0] * 15), "UINT8 is 0 to 255; data holds -1 to 0"),
    "a fraction": (changed(data=[0.5] + [0] * 15), "UINT8 is of whole numbers, 0 to 255; data holds others"),
    "words": (changed(data=["a"] + ["0"] * 15), "data must be a list of numbers"),
    "truth": (changed(data=[True] + [0] * 15), "data must hold numbers and nothing else; it holds 'tru'"),
    "NaN": (changed(data=[float("nan")] + [0] * 15), "data must hold numbers and nothing else; it holds 'NaN'"),
    "no data": (changed(data=None), "an input has either data or a binary_data_size"),
    "data that is no list": (changed(data=7), "data must be a list of numbers"),
    "data and bytes": (changed(parameters={"binary_data_size": 16}), "an input has either data or a binary_data_size"),
    "parameters that are none": (
        changed(parameters=[1]),
        "the parameters of the input are [1]; they must be an object",
    ),
    "shared memory": (
        changed(data=None, parameters={"shared_memory_region": "x", "shared_memory_byte_size": 16}),
        "shared memory is not offered; send the tensor in the body",
    ),
    "an unknown output": (
        {**as_json(IMAGE), "outputs": [{"name": "other"}]},
        "no output is called 'other'; the outputs are scores",
    ),
    "an output twice": (
        {**as_json(IMAGE), "outputs": [{"name": "scores"}, {"name": "scores"}]},
        "output 'scores' is asked for twice",
    ),
    "an output without a name": (
        {**as_json(IMAGE), "outputs": [{}]},
        "no output is called null; the outputs are scores",
    ),
    "outputs that are no list": (
        {**as_json(IMAGE), "outputs": "scores"},
        "outputs is 'scores'; it must be a list of objects",
    ),
    "a negative classification": (
        {**as_json(IMAGE), "outputs": [{"name": "scores", "parameters": {"classification": -1}}]},
        "classification is -1; it must be a whole number from 0",
    ),
    "binary data that is no truth": (
        {**as_json(IMAGE), "outputs": [{"name": "scores", "parameters": {"binary_data": 1}}]},
        "binary_data is 1; it must be true or false",
    ),
    "an id that is no text": ({**as_json(IMAGE), "id": 7}, "id is 7; it must be a text"),
    "a sequence": (
        {**as_json(IMAGE), "parameters": {"sequence_id": 7}},
        "sequences are not offered: each request is answered by itself",
    ),
    "a timeout that is none": (
        {**as_json(IMAGE), "parameters": {"timeout": "soon"}},
        "timeout is 'soon'; it must be a whole number from 0",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_request_gets_a_sentence(client: httpx.Client, what: str) -> None:
    request, sentence = BROKEN[what]
    assert ask(client, json.dumps(request)) == sentence


WRONG_TEXT = {
    b"": "the body is empty; send JSON",
    b"{": "the first 1 bytes of the body are not JSON",
    b"\xff\xfe{": "the first 3 bytes of the body are not JSON",
    b"null": 'the JSON is no object; send {"inputs": …}',
    b'{"inputs":' * 20_000: "the JSON has 200000 bytes beside its numbers; at most 65536 are allowed",
    b"[" * 60_000: TOO_DEEP if sys.version_info < (3, 14) else "the first 60000 bytes of the body are not JSON",
    b'{"a":' * 5_000 + b"0" + b"}" * 5_000: NESTED,
    b'{"data":' + b"[" * 1_000_000 + b"]" * 1_000_000: "the first 2000008 bytes of the body are not JSON",
    b'{"x": ' + b"9" * 10_000 + b"}": "the first 10007 bytes of the body are not JSON",
}


@pytest.mark.parametrize("text", WRONG_TEXT, ids=lambda text: text[:8].decode("latin-1"))
def test_what_is_no_request_gets_a_sentence(client: httpx.Client, text: bytes) -> None:
    if len(text) > MAX_BODY:
        text = text[: MAX_BODY - 100]
        assert ask(client, text) == f"the first {len(text)} bytes of the body are not JSON"
    else:
        assert ask(client, text) == WRONG_TEXT[text]


def numbers(inside: bytes) -> bytes:
    """A request whose list of numbers is these bytes."""
    return json.dumps(as_json(IMAGE)).encode().replace(json.dumps(IMAGE.tolist()).encode(), b"[%b]" % inside)


ZEROS = b"0," * 14 + b"0"
WRONG_NUMBERS = {
    b"," + ZEROS: "data is not a JSON list of numbers",
    b"0 0," + ZEROS[2:] + b",0": "data is not a JSON list of numbers",
    b"1-," + ZEROS: "data is not a JSON list of numbers",
    b"01," + ZEROS: "data is not a JSON list of numbers",
    b"1e999," + ZEROS: "UINT8 is of whole numbers, 0 to 255; data holds others",
    b"9" * 30 + b"," + ZEROS: "UINT8 is of whole numbers, 0 to 255; data holds others",
    b"9" * 6_000 + b"," + ZEROS: "data is not a JSON list of numbers",
    b"9" * 90_000 + b"," + ZEROS: "a number in data has more than 16384 characters",
    b" " * 90_000 + b"," + ZEROS: "a number in data has more than 16384 characters",
    b"]" + ZEROS + b",[0": "data is not a JSON list of numbers",
    b"]" + b"," + ZEROS[2:] + b",0[": "data is not a JSON list of numbers",
    ZEROS + b"],[0": "data is not a JSON list of numbers",
    b"[" + ZEROS + b"]0,[0]": "data must be one flat list of numbers, or nested as its shape [1, 4, 4, 1] is",
    ZEROS + b",]0[": "data is not a JSON list of numbers",
}


@pytest.mark.parametrize("inside", WRONG_NUMBERS, ids=lambda text: f"{text[:8].decode()}-{len(text)}")
def test_what_is_no_list_of_numbers_gets_a_sentence(client: httpx.Client, inside: bytes) -> None:
    assert ask(client, numbers(inside)) == WRONG_NUMBERS[inside]


@pytest.mark.parametrize(
    ("length", "sentence"),
    [
        ("-1", "Inference-Header-Content-Length is '-1'; the body has {} bytes"),
        ("x", "Inference-Header-Content-Length is 'x'; the body has {} bytes"),
        ("1e3", "Inference-Header-Content-Length is '1e3'; the body has {} bytes"),
        ("99999999999999999999", "Inference-Header-Content-Length is '99999999999999999999'; the body has {} bytes"),
        ("1000000", "Inference-Header-Content-Length is '1000000'; the body has {} bytes"),
        ("5", "the first 5 bytes of the body are not JSON"),
        ("0", "the tensor has {} bytes; UINT8 [8, 4, 4, 1] has 128"),
    ],
)
def test_a_header_length_that_lies_gets_a_sentence(client: httpx.Client, length: str, sentence: str) -> None:
    body, headers = as_binary(IMAGE)
    assert ask(client, body, {**headers, HEADER_LENGTH: length}) == sentence.format(len(body))


@pytest.mark.parametrize("size", [0, 15, 17, 2**40])
def test_a_binary_size_that_lies_gets_a_sentence(client: httpx.Client, size: int) -> None:
    request = changed(data=None, parameters={"binary_data_size": size})
    sentence = f"binary_data_size is {size}; 16 bytes follow the JSON"
    assert ask(client, *pack(request, bytes(16))) == sentence
    more = f"the tensor has {size} bytes; UINT8 [1, 4, 4, 1] has 16"
    if size < 100:
        assert ask(client, *pack(request, bytes(size))) == more
    assert ask(client, *pack(as_json(IMAGE), b"more")) == "4 bytes follow the JSON, and no input has a binary_data_size"


def test_thousands_of_chunks_are_one_body(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        body = json.dumps(as_json(np.zeros((200, 4, 4, 1), np.uint8))).encode()
        for index in range(0, len(body), 2):
            yield body[index : index + 2]

    answer = client.post("/v2/models/shade/infer", content=chunks())
    assert (answer.status_code, len(answer.json()["outputs"][0]["data"])) == (200, 400)


def test_a_body_over_its_bound_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v2/models/shade/infer", content=bytes(MAX_BODY + 1))
    assert answer.status_code == 400
    assert answer.json() == {"error": f"the body is {MAX_BODY + 1} bytes or more; at most {MAX_BODY} are allowed"}


def test_a_body_that_expands_is_bounded(server: Server, client: httpx.Client) -> None:
    bomb = gzip.compress(bytes(100 * MAX_BODY))
    assert len(bomb) < MAX_BODY
    before = read_usage(server.process.pid).resident_mb
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask(client, bomb, {"content-encoding": "gzip"}), range(16)))
    assert set(answers) == {f"the body expands to more than {MAX_BODY} bytes; that many are allowed"}
    assert read_usage(server.process.pid).resident_mb - before < 16 * MAX_BODY / 1e6


@pytest.mark.parametrize(
    ("coding", "body", "sentence"),
    [
        ("gzip", b"no gzip", "the body is not gzip, or is damaged"),
        ("gzip", gzip.compress(b"{}")[:-3], "the body is gzip that is cut off, or has something behind it"),
        ("deflate", zlib.compress(b"{}") + b"more", "the body is deflate that is cut off, or has something behind it"),
        ("br", b"{}", "Content-Encoding is 'br'; it must be gzip, deflate or none"),
        ("gzip, gzip", b"{}", "Content-Encoding is 'gzip, gzip'; it must be gzip, deflate or none"),
    ],
    ids=["another", "cut off", "with more", "unknown", "twice"],
)
def test_a_body_that_is_not_what_it_says_gets_a_sentence(
    client: httpx.Client, coding: str, body: bytes, sentence: str
) -> None:
    assert ask(client, body, {"content-encoding": coding}) == sentence


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/nothing"),
        ("GET", "/v2/models"),
        ("GET", "/v2/models/shade/infer"),
        ("PUT", "/v2/models/shade"),
        ("POST", "/v2/health/live"),
        ("GET", "/v2/models/other"),
        ("GET", "/v2/models/shade/versions/7"),
        ("GET", "/v2/models/shade/versions/01/ready"),
        ("POST", "/v2/models/other/infer"),
        ("POST", "/v2/systemsharedmemory/region/x/register"),
    ],
)
def test_whatever_is_not_there_under_v2_is_a_400(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_large_json_does_not_hold_the_others_up(client: httpx.Client, server: Server) -> None:
    """Its numbers are read on a thread, piece by piece: the loop answers others meanwhile."""
    body = json.dumps(as_json(np.full((3, 3, 200, 200), 0.5, np.float32))).encode()
    assert MAX_BODY * 0.9 < len(body) < MAX_BODY
    with ThreadPoolExecutor(3) as threads, httpx.Client(base_url=server.url) as other:
        other.get("/v2/health/live")
        client.post("/v2/models/large/infer", content=body)  # opens its session
        asked = [threads.submit(client.post, "/v2/models/large/infer", content=body, timeout=60) for _ in range(6)]
        longest_s = 0.0
        while not all(one.done() for one in asked):
            started = time.monotonic()
            assert other.get("/v2/health/live").status_code == 200
            longest_s = max(longest_s, time.monotonic() - started)
    assert {one.result().status_code for one in asked} == {200}
    assert longest_s < 1.0


def test_overload_is_a_503_that_says_when_to_come_again(tmp_path: Path) -> None:
    slow_model(tmp_path / "slow/1/model.onnx", 0.5)
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_THREADS": "1", "SERVICE_DEVICE": "cpu"}) as server:
        asked = as_json(np.zeros((1, SIDE, SIDE, 1), np.uint8))
        url = f"{server.url}/v2/models/slow/infer"
        assert httpx.post(url, json=asked, timeout=30).status_code == 200
        with ThreadPoolExecutor(10) as threads:
            answers = list(threads.map(lambda _: httpx.post(url, json=asked, timeout=30), range(10)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert {answer.status_code for answer in answers} == {200, 503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        late = httpx.post(url, json={**asked, "parameters": {"timeout": 1}}, timeout=30)
        assert late.status_code == 503


def test_sides_of_an_open_size_are_bounded() -> None:
    """Python writes no number of more than 4,300 digits, such as their product."""
    taken: Any = SimpleNamespace(input=SimpleNamespace(whole_shape=(-1, -1, -1, 3), layout="NHWC"), max_rows=4)
    with pytest.raises(TensorError, match=r"^shape is \[1, 1000.*…; the model takes \[-1, -1, -1, 3\], where "):
        check_shape([1, 10**4000, 10**4000, 3], taken)
    assert check_shape([1, 2, 2, 3], taken) == [1, 2, 2, 3]
