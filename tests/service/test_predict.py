from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.images.preprocessing import Pixels
from service.inference.model import Model
from service.predict import main as predict_here
from tests.service.conftest import png_bytes
from tests.service.images.segments import save
from tests.service.models import shade_model
from tests.serving import Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dark.png").write_bytes(png_bytes(np.full((4, 4), 51, np.uint8)))
    (tmp_path / "light.png").write_bytes(png_bytes(np.full((4, 4), 255, np.uint8)))
    (tmp_path / "bad.png").write_bytes(b"x")
    return tmp_path


def predict(models: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.predict", *map(str, arguments)],
        env={**os.environ, "SERVICE_MODELS": str(models), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_one_line_a_file(models: Path, folder: Path) -> None:
    done = predict(models, "--model", "shade", folder / "dark.png", folder / "light.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/dark.png  dark  0.8000\n{folder}/light.png  light  1.0000\n"


def test_json_is_the_servers(models: Path, folder: Path) -> None:
    done = predict(models, "--model=shade", "--json", "--top=2", folder / "dark.png")
    assert json.loads(done.stdout) == {"cls": "dark", "fn": "dark.png", "top": [["dark", 0.8], ["light", 0.2]]}


def test_a_bad_file_is_named_and_the_others_are_classified(models: Path, folder: Path) -> None:
    done = predict(models, "--model=shade", folder / "bad.png", folder / "none.png", folder / "dark.png")
    assert done.returncode == 1
    assert done.stdout == f"{folder}/dark.png  dark  0.8000\n"
    assert done.stderr == (
        f"predict: {folder}/bad.png: this is text; send a PNG\npredict: {folder}/none.png: No such file or directory\n"
    )


def test_of_a_folder_the_formats_of_the_setting_are_taken(models: Path, tmp_path: Path) -> None:
    for number, (kind, suffix) in enumerate((("JPEG", "JPG"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("GIF", "gif"))):
        (tmp_path / f"{number}.{suffix}").write_bytes(save(Image.new("L", (4, 4), 255), kind))
    done = predict(models, "--model=shade", "--json", tmp_path, SERVICE_FORMATS="png,jpeg")
    assert [json.loads(line)["fn"] for line in done.stdout.splitlines()] == ["0.JPG", "1.jpeg"]
    done = predict(models, "--model=shade", tmp_path)
    assert (done.returncode, done.stderr) == (1, f"predict: {tmp_path} holds no .png file\n")


def test_folders_are_read_in_the_order_of_numbers_and_each_line_keeps_its_place(models: Path, tmp_path: Path) -> None:
    """More files than one batch holds, with a bad one in each batch."""
    for index in range(150):
        light = png_bytes(np.full((4 + index % 3, 4), 255 if index % 7 == 0 else 51, np.uint8))
        (tmp_path / f"{index}.png").write_bytes(b"x" if index % 64 == 9 else light)
    (tmp_path / "below").mkdir()
    (tmp_path / "below/1.PNG").write_bytes(png_bytes(np.full((4, 4), 255, np.uint8)))
    (tmp_path / "readme.txt").write_text("no picture")
    done = predict(models, "--model=shade", "--json", tmp_path)
    good = [index for index in range(150) if index % 64 != 9]
    expected = [{"cls": "light" if index % 7 == 0 else "dark", "fn": f"{index}.png"} for index in good]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [*expected, {"cls": "light", "fn": "1.PNG"}]
    assert done.returncode == 1
    assert done.stderr.count("this is text; send a PNG") == 3


def test_top_needs_no_json(models: Path, folder: Path) -> None:
    done = predict(models, "--model=shade", "--top=2", folder / "dark.png")
    assert done.stdout == f"{folder}/dark.png  dark  0.8000  light  0.2000\n"


def test_a_folder_without_pictures_is_named(models: Path, tmp_path: Path) -> None:
    done = predict(models, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"predict: {tmp_path} holds no .png file\n"


def test_every_answer_is_the_servers(
    server: Server, models: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_MAX_PIXELS", "90000")  # as the server's
    for model in ("shade", "colour"):
        done = predict(models, f"--model={model}", "--json", "--top=2", *pictures)
        answers = iter(done.stdout.splitlines())
        for picture in pictures:
            files = {"file": (picture.name, picture.read_bytes())}
            served = httpx.post(f"{server.url}/{model}/classify?top=2", files=files)
            if served.status_code == 200:
                assert next(answers) == served.text
            else:
                name, _, sentence = served.json()["error"].partition(": ")
                assert name == picture.name
                assert f"predict: {picture}: {sentence}\n" in done.stderr
        assert list(answers) == []


@pytest.fixture
def pictures() -> list[Path]:
    """The samples, and the PngSuite where it is at hand: good files of every kind, and broken ones."""
    suite = Path(os.environ["PNGSUITE"]).glob("*.png") if "PNGSUITE" in os.environ else ()
    return sorted([*Path("imgs").glob("*.png"), *suite])


@pytest.fixture
def partly_bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: a bad one, one whose higher version is bad, and a good one."""
    models = tmp_path_factory.mktemp("partly_bad")
    shade_model(models / "b/1/model.onnx", names="{0: 'dark', 1: 'light'}")
    shade_model(models / "c/1/model.onnx")
    for path in (models / "a/1/model.onnx", models / "b/2/model.onnx"):
        path.parent.mkdir(parents=True)
        path.touch()
    return models


def test_a_model_that_cannot_be_used_is_named_and_another_one_taken(partly_bad: Path, folder: Path) -> None:
    empty = "it is empty, 0 bytes; download the model again"
    done = predict(partly_bad, folder / "light.png")
    assert (done.returncode, done.stdout) == (0, f"{folder}/light.png  light  1.0000\n")
    assert done.stderr.splitlines() == [
        f"predict: {partly_bad}/a/1/model.onnx is not served: {empty}",
        f"predict: {partly_bad}/b/2/model.onnx is not served, version 1 is instead: {empty}",
    ]
    done = predict(partly_bad, folder / "light.png", SERVICE_DEFAULT_MODEL="c")
    assert (done.stdout, done.stderr) == (f"{folder}/light.png  1  1.0000\n", "")
    done = predict(partly_bad, "--model=a", folder / "light.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"predict: cannot serve {partly_bad}/a/1/model.onnx: {empty}"


def test_the_doctor_names_models_that_cannot_be_used_and_goes_on(partly_bad: Path) -> None:
    environment = {**os.environ, "SERVICE_MODELS": str(partly_bad), "SERVICE_DEVICE": "cpu"}

    def examine() -> tuple[int, str, str]:
        command = [sys.executable, "-m", "service.doctor"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    status, report, errors = examine()
    assert (status, errors) == (0, "")
    empty = "cannot be served: it is empty, 0 bytes; download the model again"
    for line in (
        f"model a       version 1 {empty}",
        f"model b       version 2 {empty}",
        "model c       version 1 on cpu",
    ):
        assert line in report
    for name in "bc":
        (partly_bad / name / "1/model.onnx").write_bytes(b"")
    status, report, errors = examine()
    assert (status, errors) == (1, "")
    assert f"service       does not start: cannot serve {partly_bad}/a/1/model.onnx: it is empty" in report


def test_the_doctor_shows_a_long_name_as_a_whole(tmp_path: Path) -> None:
    shade_model(tmp_path / "a-name-of-many-letters/1/model.onnx")
    environment = {**os.environ, "SERVICE_MODELS": str(tmp_path), "SERVICE_DEVICE": "cpu"}
    command = [sys.executable, "-m", "service.doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "model a-name-of-many-letters version 1 on cpu" in done.stdout


def test_no_model_is_one_sentence(models: Path, folder: Path) -> None:
    done = predict(models, "--model=nope", folder / "dark.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "predict: no model is called 'nope'; the models are colour, shade\n"
    done = predict(folder / "models", folder / "dark.png")
    assert done.returncode == 2
    assert done.stderr.startswith("predict: the models folder ")


def test_no_file_is_left_out_when_batches_become_smaller(
    models: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they do where memory runs short."""

    def run_smaller(model: Model, images: Sequence[Pixels]) -> Any:
        rows = run_whole(model, images)
        model.runner.max_batch = 2
        return rows

    run_whole = Model.run
    monkeypatch.setattr(Model, "run", run_smaller)
    monkeypatch.setenv("SERVICE_MODELS", str(models))
    monkeypatch.setenv("SERVICE_MAX_BATCH", "4")
    assert predict_here(["--model=shade", *[str(folder / "dark.png")] * 11]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 11


def test_top_is_a_number_of_classes(models: Path, folder: Path) -> None:
    done = predict(models, "--top=-1", "--json", folder / "dark.png")
    assert (done.returncode, "'-1' is not a whole number from 0" in done.stderr) == (2, True)
