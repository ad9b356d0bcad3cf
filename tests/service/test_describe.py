"""`python -m service.describe`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.describe import main
from tests.service.models import colour_model, shade_model


def describe(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_every_key_has_its_value_and_its_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = colour_model(
        tmp_path / "net/3/model.onnx",
        size=8,
        upload_and_classify__mean="0.5",
        Image__BitmapPixelFormat="Bgr8",
    )
    (tmp_path / "net/labels.txt").write_text("red\ngreen\nblue\n")
    (tmp_path / "net/3/preprocessor_config.json").write_text(
        json.dumps({"size": {"height": 8, "width": 8}, "resample": 3, "image_mean": [0.1] * 3, "image_std": [0.25] * 3})
    )
    lines = describe(capsys, tmp_path / "net").splitlines()
    assert lines[0] == f"model     net, version 3: {file}"
    assert lines[1] == "input     'image': float32 (any, 3, 8, 8), NCHW"
    assert lines[2].endswith("; stretched to 8x8; filter bicubic; bgr")
    assert lines[3].startswith("pixels    0 becomes -2")
    assert lines[4] == "output    'scores': 3 classes, activation softmax"
    assert lines[5] == "batches   images share a run"
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines[9:]}
    assert rows["mean"] == ["0.5", "upload_and_classify.mean"]
    assert rows["channels"] == ["bgr", "Image.BitmapPixelFormat"]
    assert rows["filter"] == ["bicubic", "preprocessor_config.json"]
    assert rows["size"] == ["8x8", "preprocessor_config.json"]
    assert rows["background"] == ["#ffffff", "default"]
    assert rows["activation"] == ["softmax", "guessed: logits"]
    assert lines[6] == "labels    3: red, green, blue"
    column = lines[8].index("source")
    assert all(line[column - 1] == " " != line[column] for line in lines[9:])


def test_a_folder_a_version_and_a_file_are_the_same_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shade_model(tmp_path / "shade/2/model.onnx")
    best = shade_model(tmp_path / "shade/10/model.onnx")
    told = [describe(capsys, path) for path in (tmp_path / "shade", best.parent, best)]
    assert told[0] == told[1] == told[2]
    assert "version 10" in told[0]
    assert "version 2:" in describe(capsys, tmp_path / "shade/2")
    assert describe(capsys, shade_model(tmp_path / "net.onnx")).startswith(f"model     net: {tmp_path}/net.onnx\n")


def test_json_is_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shade_model(tmp_path / "shade/1/model.onnx", names="{0: 'dark', 1: 'hell, größer'}")
    told = json.loads(describe(capsys, tmp_path / "shade", "--json"))
    assert (told["name"], told["version"], told["file"]) == ("shade", 1, str(file))
    assert told["input"] == {
        "name": "image",
        "dtype": "uint8",
        "layout": "NHWC",
        "shape": [None, 4, 4, 1],
        "scale": [1.0],
        "offset": [0.0],
    }
    assert told["output"] == {"name": "scores", "classes": 2}
    assert told["one_by_one"] is None
    assert told["keys"]["labels"] == {"value": ["dark", "hell, größer"], "source": "metadata names"}
    assert told["keys"]["range"] == {"value": [0.0, 255.0], "source": "default"}


def test_a_model_whose_images_run_alone_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = onnx.load(shade_model(tmp_path / "net.onnx"))
    model.graph.output[0].name = "flat"
    shape = onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(onnx.helper.make_node("Reshape", ["scores", "shape"], ["flat"]))
    onnx.save(model, tmp_path / "net.onnx")
    assert "batches   one by one, because it does not give a row" in describe(capsys, tmp_path / "net.onnx")


def test_a_lower_version_is_described_where_it_would_serve(tmp_path: Path) -> None:
    shade_model(tmp_path / "shade/1/model.onnx")
    (tmp_path / "shade/2").mkdir()
    (tmp_path / "shade/2/model.onnx").touch()
    command = [sys.executable, "-m", "service.describe", str(tmp_path / "shade")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ})
    assert done.returncode == 0
    assert done.stdout.startswith("model     shade, version 1: ")
    assert done.stderr == (
        f"describe: {tmp_path}/shade/2/model.onnx is not served, version 1 is instead: "
        "it is empty, 0 bytes; download the model again\n"
    )


def test_what_is_no_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.onnx").write_text("<!DOCTYPE html><html></html>")
    (tmp_path / "empty").mkdir()
    colour_model(tmp_path / "bad.onnx", upload_and_classify__meen="1")
    for name, sentence in (
        ("page.onnx", "it is an HTML page, as a failed download leaves it; download the model again"),
        ("empty", "it holds no <version>/model.onnx"),
        ("nowhere", "there is no such file or folder"),
        ("bad.onnx", "metadata upload_and_classify.meen is not known; did you mean upload_and_classify.mean?"),
    ):
        assert main([str(tmp_path / name)]) == 2
        told = capsys.readouterr()
        assert (told.out, told.err) == ("", f"describe: {tmp_path / name}: {sentence}\n")


def test_a_model_that_trims_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shade_model(tmp_path / "net.onnx", upload_and_classify__resize="trim", upload_and_classify__margin="0.14")
    told = describe(capsys, file)
    assert "; what differs from plain ground, else the whole, scaled to fit into 4x4 and padded; 0.14 of it" in told
    assert "margin" in told
