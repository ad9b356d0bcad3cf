"""`python -m service.adopt`: foreign files into the models folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest

from service.adopt import main
from service.inference.description import KEYS, PREFIX
from service.inference.presets import PRESETS
from tests.service.conftest import png_bytes
from tests.service.models import colour_model, external_model, shade_model
from tests.serving import serve

Adopt = Callable[..., tuple[int, str, str]]
RED = png_bytes(np.full((40, 60, 3), (250, 10, 10), np.uint8))


@pytest.fixture
def adopt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Adopt:
    """The command in this process, into `tmp_path`/models: (exit status, standard output, standard error)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        status = main(["--models", str(tmp_path / "models"), *map(str, arguments)])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(RED)
    return path


def keys_in(path: Path) -> dict[str, str]:
    """Our metadata of a file."""
    props = onnx.load(path, load_external_data=False).metadata_props
    return {prop.key.removeprefix(PREFIX): prop.value for prop in props if prop.key.startswith(PREFIX)}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_adopted_model_serves_what_was_shown(adopt: Adopt, tmp_path: Path, picture: Path) -> None:
    file = colour_model(tmp_path / "net.onnx", size=32)
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    before = file.read_bytes()
    options = ("--preset", "imagenet", "--labels", tmp_path / "names.txt", "--title", "Colours")
    status, out, err = adopt(file, "--name", "my colours", *options, "--try", picture)
    assert (status, err) == (0, "")
    assert file.read_bytes() == before
    adopted = tmp_path / "models/my colours/1/model.onnx"
    assert files_below(tmp_path / "models") == ["my colours/1/model.onnx"]
    assert keys_in(adopted) == {
        **PRESETS["imagenet"].keys,
        "shorter_side": "37",
        "labels": '["red", "green", "blue"]',
        "title": "Colours",
    }
    assert out.startswith(f"model     Colours, version 1: {adopted}\n")
    shown = [line.split() for line in out.splitlines()[-3:]]
    assert [label for label, _ in shown] == ["red", "blue", "green"]
    logits = (np.array([250, 10, 10]) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert float(shown[0][1]) == pytest.approx(expected[0], abs=1e-3)
    with serve({"SERVICE_MODELS": str(tmp_path / "models"), "SERVICE_DEVICE": "cpu"}) as server:
        answer = httpx.post(f"{server.url}/my colours/classify?top=3", files={"file": ("red.png", RED)}).json()
    assert [[label, f"{share:.4f}"] for label, share in answer["top"]] == shown


def test_external_data_and_what_describes_a_model_come_along(adopt: Adopt, tmp_path: Path, picture: Path) -> None:
    """A download of Hugging Face's: the ONNX files in a folder of their own, what describes them above."""
    home = tmp_path / "download"
    file = external_model(home / "onnx/model_fp32.onnx")
    (home / "config.json").write_text(json.dumps({"id2label": {"0": "rot", "1": "grün", "2": "blau"}}))
    (home / "readme.md").write_text("not of the model")
    status, out, err = adopt(file, "--name", "net", "--version", "7", "--try", picture)
    assert (status, err) == (0, "")
    assert files_below(tmp_path / "models") == ["net/7/config.json", "net/7/model.onnx", "net/7/weights.bin"]
    assert out.splitlines()[-3].split()[0] == "rot"


def test_options_go_before_a_preset_and_a_preset_before_what_the_file_says(adopt: Adopt, tmp_path: Path) -> None:
    file = colour_model(tmp_path / "net.onnx", upload_and_classify__mean="0.1", upload_and_classify__title="Kept")
    status, out, err = adopt(file, "--name", "net", "--preset", "tf", "--range", "0..1", "--resize", "stretch")
    assert (status, err) == (0, "")
    keys = keys_in(tmp_path / "models/net/1/model.onnx")
    assert keys == {"range": "0..1", "mean": "0", "std": "1", "resize": "stretch", "title": "Kept"}
    assert "0 becomes 0; 255 becomes 1\n" in out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--preset", "caffe"], "-103.9, -116.8, -123.7; 255 becomes 151.1, 138.2, 131.3"),
        (["--preset", "caffe", "--channels", "rgb"], "-123.7, -116.8, -103.9; 255 becomes 131.3, 138.2, 151.1"),
        (["--preset", "tf"], "-1; 255 becomes 1"),
        (["--preset", "raw"], "0; 255 becomes 255"),
        (["--preset", "clip"], "-1.792, -1.752, -1.48; 255 becomes 1.93, 2.075, 2.146"),
        (["--range=-1..1"], "-1; 255 becomes 1"),
        (["--mean=-0.5", "--std", "0.5"], "1; 255 becomes 3"),
    ],
)
def test_what_black_and_white_are(options: list[str], expected: str, adopt: Adopt, tmp_path: Path) -> None:
    _, out, err = adopt(colour_model(tmp_path / "net.onnx"), "--name", "net", *options)
    assert err == ""
    assert f"0 becomes {expected}\n" in out


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (299, ["--preset", "imagenet"], "shorter side scaled to 342, cropped to the centre 299x299; filter bilinear"),
        (64, ["--preset", "clip"], "shorter side scaled to 64, cropped to the centre 64x64; filter bicubic"),
        (64, ["--preset", "imagenet", "--crop", "70"], "shorter side scaled to 70, cropped to the centre 64x64"),
        (64, ["--preset", "imagenet", "--resize", "stretch"], "stretched to 64x64; filter bilinear"),
        (
            64,
            ["--margin", "0.1"],
            "what differs from plain ground, else the whole, scaled to fit into 64x64 and padded; 0.1 of",
        ),
        (64, ["--shorter-side", "72"], "shorter side scaled to 72, cropped to the centre 64x64; filter of the"),
        (0, ["--preset", "imagenet"], "shorter side scaled to 256, cropped to the centre 224x224"),
        (0, ["--preset", "imagenet", "--size", "112"], "shorter side scaled to 128, cropped to the centre 112x112"),
    ],
)
def test_how_pictures_come_to_the_size(
    size: int, options: list[str], expected: str, adopt: Adopt, tmp_path: Path
) -> None:
    file = colour_model(tmp_path / "net.onnx", size or 4)
    if not size:
        model = onnx.load(file)
        for dim, name in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], "hw", strict=True):
            dim.dim_param = name
        onnx.save(model, file)
    _, out, err = adopt(file, "--name", "net", *options)
    assert err == ""
    assert f"; {expected}" in out


def test_a_model_that_cannot_be_served_leaves_nothing_behind(adopt: Adopt, tmp_path: Path, picture: Path) -> None:
    net = colour_model(tmp_path / "net.onnx")
    (tmp_path / "two.txt").write_text("a\nb\n")
    (tmp_path / "page.onnx").write_text("<html></html>")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(net.read_bytes()[:-20])
    lost = external_model(tmp_path / "lost/lost.onnx", location="weights.bin")
    (tmp_path / "lost/weights.bin").unlink()
    (tmp_path / "text.png").write_text("no picture")
    for file, options, sentence in (
        (
            net,
            ["--labels", str(tmp_path / "two.txt")],
            f"{PREFIX}labels has 2 labels; the model has 3 classes",
        ),
        (
            net,
            ["--output", "nope"],
            f"{PREFIX}output is 'nope'; the model's outputs are 'scores' tensor(float)",
        ),
        (tmp_path / "page.onnx", [], "it is an HTML page, as a failed download leaves it; download the model again"),
        (cut, [], "it is no ONNX model, or one that was cut off or damaged on its way; copy or download it again"),
        (lost, [], "its external data 'weights.bin' is missing; it belongs beside the model's file"),
    ):
        assert adopt(file, "--name", "x", *options) == (2, "", f"adopt: {file}: {sentence}\n")
        assert not (tmp_path / "models").exists()
    assert adopt(net, "--name", "x", "--try", tmp_path / "text.png") == (
        2,
        "",
        f"adopt: {tmp_path}/text.png: this is text; send a PNG\n",
    )
    missing = tmp_path / "nowhere.onnx"
    assert adopt(missing, "--name", "x") == (2, "", f"adopt: {missing}: No such file or directory\n")
    assert not (tmp_path / "models").exists()


def test_external_data_of_elsewhere_is_not_taken(adopt: Adopt, tmp_path: Path) -> None:
    file = external_model(tmp_path / "net/net.onnx")
    model = onnx.load(file, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../secret"
    (tmp_path / "secret").write_bytes((tmp_path / "net/weights.bin").read_bytes())
    file.write_bytes(model.SerializeToString())
    status, _, err = adopt(file, "--name", "net")
    assert status == 2
    assert "'../secret' is outside of the model's folder" in err
    assert not (tmp_path / "models").exists()


def test_a_version_is_replaced_only_by_force_and_only_by_a_good_one(adopt: Adopt, tmp_path: Path) -> None:
    first = tmp_path / "models/net/1/model.onnx"
    assert adopt(shade_model(tmp_path / "a.onnx"), "--name", "net")[0] == 0
    content = first.read_bytes()
    (tmp_path / "page.onnx").write_text("<html></html>")
    status, out, err = adopt(tmp_path / "a.onnx", "--name", "net")
    assert (status, out) == (2, "")
    assert err == f"adopt: {first.parent} exists; take another --version, or --force to replace it\n"
    assert adopt(tmp_path / "page.onnx", "--name", "net", "--force")[0] == 2
    assert first.read_bytes() == content
    assert adopt(tmp_path / "a.onnx", "--name", "net", "--version", "2")[0] == 0
    assert adopt(first, "--name", "net", "--force", "--title", "In place")[0] == 0
    assert keys_in(first) == {"title": "In place"}
    assert files_below(tmp_path / "models") == ["net/1/model.onnx", "net/2/model.onnx"]
    assert sorted(path.name for path in (tmp_path / "models/net").iterdir()) == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--name", "a/b"], "'a/b' cannot be a model's name: it is no name of a folder"),
        (["--name", ".."], "'..' cannot be a model's name"),
        (["--name", ".a"], "its name begins with a dot"),
        (["--name", "a", "--version", "01"], "'01' is no version"),
        (["--name", "a", "--mean", "x"], "'x' must be one number, or one for each channel"),
        (["--name", "a", "--std", "0"], "'0' must be one number above 0"),
        (["--name", "a", "--resize", "bend"], "'bend' must be one of fit, trim, stretch, crop"),
        (["--name", "a", "--labels", "/nowhere"], "/nowhere: No such file or directory"),
        (["--name", "a", "--preset", "odd"], "invalid choice: 'odd'"),
        ([], "required: --name"),
    ],
)
def test_arguments_that_make_no_sense(
    options: list[str], sentence: str, adopt: Adopt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        adopt(tmp_path / "a.onnx", *options)
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_labels_may_be_json(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text("[0, 90, 180]")
    _, out, err = adopt(colour_model(tmp_path / "net.onnx"), "--name", "net", "--labels", tmp_path / "labels.json")
    assert err == ""
    assert "\nlabels    3: 0, 90, 180\n" in out
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(SystemExit):
        adopt(tmp_path / "net.onnx", "--name", "net", "--labels", tmp_path / "labels.json")


def test_the_command_itself_and_its_help(tmp_path: Path) -> None:
    file = shade_model(tmp_path / "shade.onnx")
    environment = {**os.environ, "SERVICE_MODELS": str(tmp_path / "models")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "service.adopt", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    done = run(str(file), "--name", "shade")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "models/shade/1/model.onnx").exists()
    told = run("--help").stdout
    assert all(f"--{key.replace('_', '-')}" in told for key in KEYS)
    assert all(f"\n  {preset}  " in told for preset in PRESETS)
    assert "exit status: 0 " in told
