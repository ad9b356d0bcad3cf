from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.server import ROOT, free_port
from tests.bench.conftest import Answer, Run, right_answer

Answering = Callable[[Answer], str]


def last_line(output: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures


def test_own_server_accuracy_and_figures(bench: Run, model: Path) -> None:
    """Without --url the command starts the service, and the last line is the result as JSON."""
    done = bench("--count", "1000", "--concurrency", "8")
    assert done.returncode == 0, done.stderr
    figures = last_line(done.stdout)
    assert figures["answers"] == 1000
    assert figures["failed"] == 0
    assert figures["errors"] == {}
    assert figures["accuracy"] > 0.98
    assert figures["requests_per_s"] > 0
    assert 0 < figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"]
    assert "accuracy  9" in done.stdout
    assert "1000/1000" in done.stderr  # the progress bar


def test_print_shows_each_answer(bench: Run, answering: Answering) -> None:
    done = bench("--url", answering(lambda number, body: (200, right_answer(body))), "--count", "3", "--print")
    assert done.returncode == 0, done.stderr
    answers = sorted(json.loads(line)["fn"] for line in done.stdout.splitlines()[:3])
    assert answers == ["0-7.png", "1-2.png", "2-1.png"]
    assert last_line(done.stdout)["accuracy"] == 1.0


def test_wrong_class_is_no_failure(bench: Run, answering: Answering) -> None:
    """A server may be inaccurate; the command's exit code is about requests."""
    wrong = b'{"cls": %d, "fn": "%b"}'

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        right = json.loads(right_answer(body))
        return 200, wrong % ((right["cls"] + 1) % 10, right["fn"].encode())

    done = bench("--url", answering(answer), "--count", "20")
    assert done.returncode == 0
    assert last_line(done.stdout)["accuracy"] == 0.0


def test_crossed_answers_are_failures(bench: Run, answering: Answering) -> None:
    """An answer that names another file went to the wrong client."""
    done = bench("--url", answering(lambda number, body: (200, b'{"cls": 7, "fn": "0-7.png"}')), "--count", "5")
    assert done.returncode == 1
    assert last_line(done.stdout)["errors"] == {"answer to another file": 4}


def test_every_kind_of_failure_is_counted(bench: Run, answering: Answering) -> None:
    """Each failure is counted by its kind, and a lost connection is replaced."""
    failures = {3: (0, b""), 5: (503, b"{}"), 6: (503, b"{}"), 7: (404, b"{}"), 9: (200, b"nonsense")}

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        return failures.get(number, (200, right_answer(body)))

    done = bench("--url", answering(answer), "--count", "50", "--concurrency", "4")
    assert done.returncode == 1
    figures = last_line(done.stdout)
    assert figures["answers"] == 45
    assert figures["failed"] == 5
    expected = {"lost: the connection was lost": 1, "503: overloaded": 2, "status 404": 1, "not an answer": 1}
    assert figures["errors"] == expected


def test_server_that_is_down(bench: Run) -> None:
    done = bench("--url", f"http://127.0.0.1:{free_port()}/mnist/classify")
    assert done.returncode == 1
    assert "bench: no server answers at" in done.stderr
    assert "Traceback" not in done.stderr


def test_server_that_does_not_start(bench: Run, tmp_path: Path) -> None:
    """The server's own words are shown."""
    done = bench(SERVICE_MODELS=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "before it was ready" in done.stderr
    assert "Cannot start" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "0"],
        ["--url", "ftp://x"],
        ["--url", "http://x:99999"],
        ["--variant", "upside-down"],
        ["--data", "/nowhere.npz"],
    ],
)
def test_usage(bench: Run, arguments: list[str]) -> None:
    """What cannot be run is said in one sentence, with exit code 2."""
    done = bench(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert arguments[1] in done.stderr


@pytest.mark.parametrize(
    ("variant", "size", "corner"), [("plain", (28, 28), 0), ("inverted", (28, 28), 255), ("drawn", (200, 300), 200)]
)
def test_variants(bench: Run, answering: Answering, variant: str, size: tuple[int, int], corner: int) -> None:
    """The uploaded PNG is the image, its negative, or the image drawn large in grey on grey."""
    bodies: list[bytes] = []

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        bodies.append(body)
        return 200, right_answer(body)

    assert bench("--url", answering(answer), "--count", "1", "--variant", variant).returncode == 0
    png = bodies[0].split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == size
        assert image.mode == "L"
        pixels = np.asarray(image)
    assert pixels[0, 0] == corner
    assert pixels.min() <= 60
    assert pixels.max() >= 200


def test_classes_that_the_pictures_do_not_have_are_no_accuracy(bench: Run, answering: Answering) -> None:
    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        return 200, json.dumps({**json.loads(right_answer(body)), "cls": "tabby"}).encode()

    done = bench("--url", answering(answer), "--count", "20")
    assert (done.returncode, last_line(done.stdout)["accuracy"]) == (0, None)
    sentence = "no accuracy, for no picture here is of class 'tabby', as the model answers: is it the right model?"
    assert done.stderr.splitlines()[-1] == f"bench: {sentence}"


@pytest.mark.parametrize(("names", "asked"), [(["my model"], "my%20model"), (["a", "mnist"], "mnist"), ([], "mnist")])
def test_the_route_is_found(bench: Run, answering: Answering, names: list[str], asked: str) -> None:
    """Of the only model, or of the usual one, or where the server does not tell."""

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        return 200, json.dumps([{"name": name} for name in names]).encode() if number == 0 else right_answer(body)

    address = answering(answer).removesuffix("/mnist/classify")
    done = bench("--url", address, "--count", "5")
    assert (done.returncode, last_line(done.stdout)["url"]) == (0, f"{address}/{asked}/classify")


def test_several_models_are_named(bench: Run, answering: Answering) -> None:
    address = answering(lambda number, body: (200, b'[{"name": "a"}, {"name": "b"}]')).removesuffix("/mnist/classify")
    done = bench("--url", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"bench: the models at {address} are a, b; choose one with --model\n"


def test_help_names_every_form(bench: Run) -> None:
    done = bench("--help")
    for form in ("compare", "compare --photos", "gpu", "chaos"):
        assert f"python -m bench {form} " in done.stdout
    for file in (ROOT / "bench/inprocess").glob("*.py"):
        if "__main__" in file.read_text():
            assert re.search(rf"\b{file.stem}\b", done.stdout)
