"""The HTTP contract: what each request gets."""

from __future__ import annotations

import json
import socket
import time
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bench.chaos.slow import slow_model
from tests.service.conftest import WAYS, png_bytes
from tests.service.images.segments import save as save_picture
from tests.service.models import nan_model, save, shade_model
from tests.serving import Server, serve

DARK, LIGHT = png_bytes(np.full((4, 4), 51, np.uint8)), png_bytes(np.full((4, 4), 255, np.uint8))


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def post(client: httpx.Client, *files: tuple[str, bytes], path: str = "/shade/classify") -> httpx.Response:
    return client.post(path, files=[("file", (name, data, "image/png")) for name, data in files])


def test_a_file_gets_its_class_and_its_name(client: httpx.Client) -> None:
    response = post(client, ("0-7.png", LIGHT))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.text == '{"cls":"light","fn":"0-7.png"}'


def test_a_model_without_labels_answers_the_index(client: httpx.Client) -> None:
    blue = png_bytes(np.full((9, 7, 3), (0, 0, 200), np.uint8))
    assert post(client, ("b.png", blue), path="/colour/classify").json() == {"cls": 2, "fn": "b.png"}


def test_several_files_get_a_list_in_their_order(client: httpx.Client) -> None:
    response = post(client, ("a", LIGHT), ("b", DARK), ("c", LIGHT))
    assert response.json() == [
        {"cls": "light", "fn": "a"},
        {"cls": "dark", "fn": "b"},
        {"cls": "light", "fn": "c"},
    ]


def test_a_bare_body_takes_its_name_from_the_query(client: httpx.Client) -> None:
    png = {"content-type": "image/png"}
    response = client.post("/shade/classify", params={"fn": "ä b.png"}, content=DARK, headers=png)
    assert response.json() == {"cls": "dark", "fn": "ä b.png"}
    assert client.post("/shade/classify", content=DARK, headers=png).json() == {"cls": "dark", "fn": ""}


def test_top_lists_the_best_classes_with_their_probabilities(client: httpx.Client) -> None:
    response = post(client, ("a", DARK), path="/shade/classify?top=3")
    assert response.json() == {"cls": "dark", "fn": "a", "top": [["dark", 0.8], ["light", 0.2]]}
    assert post(client, ("a", DARK), path="/shade/classify?top=1").json()["top"] == [["dark", 0.8]]


@pytest.mark.parametrize(
    "name", ['"', "\\", "<img src=x onerror=alert(1)>.png", "ä数😀.png", "a" * 3000, "../../etc/passwd"]
)
def test_any_name_comes_back_as_it_was_sent(client: httpx.Client, name: str) -> None:
    response = client.post("/shade/classify", params={"fn": name}, content=DARK, headers={"content-type": "image/png"})
    assert response.json() == {"cls": "dark", "fn": name}


def invalid(error: str) -> tuple[int, dict[str, str]]:
    return 404, {"error": error}


def answer(response: httpx.Response) -> tuple[int, object]:
    return response.status_code, response.json()


def test_what_is_not_a_png_is_a_404_that_says_why(client: httpx.Client) -> None:
    assert answer(post(client, ("a.png", b""))) == invalid("a.png: the file is empty; send a PNG")
    assert answer(post(client, ("a.txt", b"hello, world"))) == invalid("a.txt: this is text; send a PNG")
    assert answer(post(client, ("a.png", DARK[:-20]))) == invalid(
        f"a.png: truncated PNG: chunk IDAT ends at byte {len(DARK) - 12}, the file at {len(DARK) - 20}"
    )
    assert answer(post(client, ("a.png", DARK.replace(b"IDAT", b"IDAU")))) == invalid(
        "a.png: damaged PNG: the checksum of chunk IDAU does not match its content"
    )
    # One bad file among good ones: no class is given that could be taken for its own.
    assert answer(post(client, ("good.png", DARK), ("bad.png", b"x"))) == invalid("bad.png: this is text; send a PNG")


def test_the_part_that_a_model_trims_to_is_told_beside_what_it_sees(tmp_path: Path) -> None:
    says: dict[str, str] = {"upload_and_classify.resize": "trim"}
    shade_model(tmp_path / "trims/1/model.onnx", 4, "N", **says)
    shade_model(tmp_path / "fits/1/model.onnx")
    sheet = np.full((200, 300), 255, np.uint8)
    sheet[50:90, 120:140] = 0
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server, httpx.Client(base_url=server.url) as client:
        told = {
            name: post(client, ("a", png_bytes(sheet)), path=f"/{name}/input").headers for name in ("trims", "fits")
        }
    left, top, width, height = map(int, told["trims"]["x-region"].split(","))
    assert (left, top, width, height) == pytest.approx((120, 50, 20, 40), abs=3)
    assert "x-region" not in told["fits"]


def test_json_brings_one_file_or_several(client: httpx.Client) -> None:
    light, dark = ({"fn": fn, "data": b64encode(png).decode()} for fn, png in (("a", LIGHT), ("b", DARK)))
    assert answer(client.post("/shade/classify", json=light)) == (200, {"cls": "light", "fn": "a"})
    assert client.post("/shade/classify?top=1", json=dark).json()["top"] == [["dark", 0.8]]
    both = [{"cls": "light", "fn": "a"}, {"cls": "dark", "fn": "b"}]
    assert answer(client.post("/shade/classify", json=[light, dark])) == (200, both)
    assert client.post("/shade/input", json=light).content.startswith(b"\x89PNG")
    text = {"fn": "c", "data": b64encode(b"hello").decode()}
    assert answer(client.post("/shade/classify", json=[light, text])) == invalid("c: this is text; send a PNG")
    assert answer(client.post("/shade/classify", json=[light] * 9)) == invalid(
        "the body has more parts than the 8 allowed"
    )
    large = png_bytes(np.random.default_rng(0).integers(130, 256, (290, 300), np.uint8))  # on a thread
    response = client.post("/shade/classify", json={"fn": "d", "data": b64encode(large).decode()})
    assert answer(response) == (200, {"cls": "light", "fn": "d"})
    status, error = answer(client.post("/shade/classify", json={"data": "A" * 200_000}))
    assert (status, "at most 200000 are allowed" in str(error)) == (404, True)
    fetched = client.post("/shade/classify", json={"fn": "e", "data": f"{client.base_url}/samples/0-7.png"})
    assert answer(fetched) == invalid(
        "e: its data is an address, and this service fetches nothing; send the file's bytes in base64"
    )


@pytest.mark.parametrize("way", WAYS)
def test_other_formats_are_taken_where_the_setting_has_them(models: Path, way: str) -> None:
    """By their first bytes, whatever their name or type says; where it has not, the refusal names the setting."""
    pictures = {kind: save_picture(Image.new("L", (4, 4), 255), kind) for kind in ("PNG", "JPEG", "WEBP")}
    wide = save_picture(Image.new("L", (301, 300)), "JPEG")
    setting = {"SERVICE_MODELS": str(models), "SERVICE_FORMATS": "webp, png,JPEG", "SERVICE_MAX_PIXELS": "90000"}
    with serve(setting, *WAYS[way]) as server, httpx.Client(base_url=server.url) as client:
        for data in pictures.values():
            assert answer(post(client, ("a.txt", data))) == (200, {"cls": "light", "fn": "a.txt"})
        typed = {"content-type": "image/jpeg"}
        bare = client.post("/shade/classify?fn=b", content=pictures["WEBP"], headers=typed)
        assert answer(bare) == (200, {"cls": "light", "fn": "b"})
        several = post(client, *((kind, data) for kind, data in pictures.items()))
        assert several.json() == [{"cls": "light", "fn": kind} for kind in pictures]
        limit = "the image is 301x300, 90300 pixels; at most 90000 are allowed"
        assert answer(post(client, ("a", wide))) == invalid(f"a: {limit}")
        assert answer(post(client, ("a", b"GIF89a"))) == invalid("a: this is a GIF; send a PNG, JPEG or WebP")
        page = client.get("/shade/classify").text  # without scripts, which make a PNG of whatever the browser shows
        assert 'accept="image/png,image/jpeg,image/webp"' in page


def test_other_formats_are_refused_where_the_setting_has_them_not(client: httpx.Client) -> None:
    for kind, name, setting in (("JPEG", "a JPEG", "png,jpeg"), ("WEBP", "a WebP", "png,webp")):
        refusal = (
            f"a.png: this is {name}; this service takes PNG; send a PNG, or start it with SERVICE_FORMATS={setting}"
        )
        assert answer(post(client, ("a.png", save_picture(Image.new("L", (4, 4)), kind)))) == invalid(refusal)


def test_a_request_without_a_file_is_a_404_that_says_why(client: httpx.Client) -> None:
    none = "no file was uploaded; send a PNG as the multipart part 'file'"
    assert answer(client.post("/shade/classify", files={"other": ("a.png", DARK)})) == invalid(none)
    assert answer(client.post("/shade/classify", files={"file": ("", b"")})) == invalid(none)
    assert answer(client.post("/shade/classify", data={"file": "a"})) == invalid(
        "the Content-Type is application/x-www-form-urlencoded;"
        " send multipart/form-data with a part 'file', or image/png"
    )
    assert answer(client.post("/shade/classify")) == invalid(
        "the Content-Type is absent; send multipart/form-data with a part 'file', or image/png"
    )


def test_an_unknown_model_path_or_query_is_a_404_that_says_why(client: httpx.Client) -> None:
    unknown = invalid("no model is called 'nope'; the models are colour, shade")
    assert answer(post(client, ("a", DARK), path="/nope/classify")) == unknown
    assert answer(post(client, ("a", DARK), path="/trained/classify"))[0] == 404
    assert answer(client.get("/nope")) == invalid("GET /nope: Not Found; POST a PNG to /<model>/classify")
    for top in ("0", "x", "-1", "9" * 20):
        status, body = answer(post(client, ("a", DARK), path=f"/shade/classify?top={top}"))
        assert (status, body) == invalid(f"top is {top!r}; it must be a whole number of at least 1")


def test_what_is_over_a_limit_is_a_404_that_names_it(client: httpx.Client) -> None:
    wide = png_bytes(np.zeros((300, 301), np.uint8))
    assert answer(post(client, ("wide.png", wide))) == invalid(
        "wide.png: the image is 301x300, 90300 pixels; at most 90000 are allowed"
    )
    assert answer(post(client, *[("a", DARK)] * 9)) == invalid("the body has more parts than the 8 allowed")
    status, body = answer(post(client, ("big", bytes(300_000))))
    assert status == 404
    assert "at most 200000 are allowed" in str(body)


def test_a_body_without_a_length_is_bounded_too(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield bytes(1000)

    response = client.post("/shade/classify", content=endless(), headers={"content-type": "image/png"})
    assert response.status_code == 404
    assert "at most 200000 are allowed" in response.json()["error"]


def test_a_body_that_does_not_arrive_is_given_up(server: Server) -> None:
    address = urlsplit(server.url)
    started = time.monotonic()
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"POST /shade/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"the body took longer than 1 s to arrive" in answer
    assert time.monotonic() - started < 5


def test_large_uploads_together_are_bounded_and_none_that_was_accepted_is_lost(tmp_path: Path) -> None:
    """What is over the bound waits in its socket until there is room."""
    shade_model(tmp_path / "shade/1/model.onnx")
    large = png_bytes(np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8))
    head = b"POST /shade/classify?fn=%%d HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_MAX_HELD_BYTES": "600000"}) as server:
        address = urlsplit(server.url)
        with (
            socket.create_connection((address.hostname, address.port), timeout=10) as first,
            socket.create_connection((address.hostname, address.port), timeout=10) as second,
        ):
            first.sendall(head % len(large) % 1 + large[:-1000])
            time.sleep(0.2)
            second.sendall(head % len(large) % 2 + large)
            second.settimeout(0.3)
            with pytest.raises(TimeoutError):
                second.recv(1)
            first.sendall(large[-1000:])
            second.settimeout(10)
            assert read_answer(first) == (200, {"cls": 0, "fn": "1"})
            assert read_answer(second) == (200, {"cls": 0, "fn": "2"})


def read_answer(connection: socket.socket) -> tuple[int, object]:
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(4096)
    return int(received.split()[1]), json.loads(received[received.index(b"{") :])


def test_a_small_file_of_many_pixels_does_not_hold_the_others_up(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    bomb = png_bytes(np.zeros((5500, 5500), np.uint8))
    assert len(bomb) < 60_000
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        with ThreadPoolExecutor(4) as pool:
            bombs = [pool.submit(post, client, (str(index), bomb)) for index in range(4)]
            longest = 0.0
            while not all(one.done() for one in bombs):
                started = time.monotonic()
                assert post(client, ("a", DARK)).status_code == 200
                longest = max(longest, time.monotonic() - started)
        assert {one.result().status_code for one in bombs} == {200}


def test_many_clients_at_once_get_their_own_answers(client: httpx.Client) -> None:
    def ask(index: int) -> bool:
        light = index % 3 == 0
        found = post(client, (f"{index}.png", LIGHT if light else DARK)).json()
        return bool(found == {"cls": "light" if light else "dark", "fn": f"{index}.png"})

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(400)))


def test_other_methods_are_refused_in_json(client: httpx.Client) -> None:
    response = client.put("/shade/classify")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert client.post("/assets/page.js").headers["allow"] == "GET, HEAD"
    assert response.json() == {"error": "PUT /shade/classify: Method Not Allowed; POST a PNG to /<model>/classify"}


def test_metadata_tells_the_model_and_where_it_runs(client: httpx.Client) -> None:
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/health/live").json() == {"live": True}
    server = client.get("/v2").json()
    assert server["models"] == ["colour", "shade"]
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert server["version"] == client.get("/openapi.json").json()["info"]["version"] == project["version"]
    about = client.get("/v2/models/shade").json()
    assert "metadata" in about["parameters"].pop("provenance")["labels"]
    assert about == {
        "name": "shade",
        "versions": ["10"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 4, 4, 1]}],
        "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
        "parameters": {
            "classes": "scores",
            "device": "cpu",
            "provider": "CPUExecutionProvider",
            "layout": "NHWC",
            "labels": ["dark", "light"],
            "max_batch": 64,
            "cuda_graphs": False,
            "nodes": {"CPUExecutionProvider": 5},
            "nodes_on_cpu": [],
            "failed_versions": {},
        },
    }
    assert client.get("/v2/models/nope").status_code == 400


@pytest.mark.parametrize("way", WAYS)
def test_a_wait_that_is_too_long_is_a_503_that_says_when_to_come_again(tmp_path: Path, way: str) -> None:
    slow_model(tmp_path / "slow/1/model.onnx", 0.7)
    with serve({"SERVICE_MODELS": str(tmp_path), "SERVICE_THREADS": "1"}, *WAYS[way]) as server:
        before = time.perf_counter()
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: post_to(server.url), range(8)))
        took_s = time.perf_counter() - before
        late = post_to(server.url, {"X-Request-Timeout": "0.2"})
        wrong = post_to(server.url, {"X-Request-Timeout": "soon"})
    good = [found for found in answers if found.status_code == 200]
    refused = [found for found in answers if found.status_code == 503]
    assert (len(good), len(refused)) == (3, 5)  # one runs, two batches of one image may wait
    assert all(2 <= int(found.headers["retry-after"]) <= took_s + 1 for found in refused)
    assert all(found.elapsed.total_seconds() < 0.5 for found in refused)
    assert "at most 0.1 s are allowed; try again in" in refused[0].json()["error"]
    assert answer(late) == (503, {"error": "the answer would come too late; try again, or allow more time"})
    assert answer(wrong) == invalid("x-request-timeout is 'soon'; it must be seconds such as 0.5")


def post_to(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.post(f"{url}/slow/classify", files={"file": ("a", DARK)}, headers=headers, timeout=60)


def test_an_output_that_is_no_number_is_a_500_for_its_image_alone(tmp_path: Path) -> None:
    nan_model(tmp_path / "nan/1/model.onnx", above=254)
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server, httpx.Client(base_url=server.url) as client:
        failed = post(client, ("a", LIGHT), path="/nan/classify?top=2")
        assert answer(failed) == (500, {"error": "the server failed on this request; its log says why"})
        assert post(client, ("a", DARK), path="/nan/classify?top=2").status_code == 200
        assert 'model="nan",route="classify",status="500"} 1.0' in client.get("/metrics").text
    assert any("an output of the model is not a number" in line for line in server.log)


def test_a_defect_is_a_500_with_one_fixed_sentence_and_the_next_request_is_served(tmp_path: Path) -> None:
    """A model whose graph fails on an all-white image: it looks the mean up in a table that has no 255."""
    table = numpy_helper.from_array(np.eye(255, 2, dtype=np.float32))
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.INT64),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Constant", [], ["table"], value=table),
        helper.make_node("Gather", ["table", "mean"], ["scores"]),
    ]
    save(tmp_path / "picky/1/model.onnx", nodes, ["N", 4, 4, 1], TensorProto.UINT8, 2)
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server, httpx.Client(base_url=server.url) as client:
        failed = post(client, ("a", LIGHT), path="/picky/classify")
        assert answer(failed) == (500, {"error": "the server failed on this request; its log says why"})
        assert post(client, ("a", DARK), path="/picky/classify").status_code == 200
    assert any("A batch of 1 images failed." in line for line in server.log)
