"""Files to models: kinds of files, what is fatal, and what stays in order."""

from __future__ import annotations

import io
import logging
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import DeviceError, ModelError
from service.inference import loading
from service.inference.device import Device
from service.inference.loading import load_models, open_model
from service.inference.model import Model
from service.inference.repository import ModelFile, find_models
from service.inference.session import read_placement
from service.settings import Settings
from tests.service.models import shade_model

CPU = Device("cpu", threads=1)


def sentence_of(path: Path, device: str = "cpu") -> str:
    with pytest.raises(ModelError) as caught:
        open_model(ModelFile("x", 1, path), CPU, Settings(device=device))
    return str(caught.value)


def archive(member: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(member, "content")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty, 0 bytes; download the model again"),
        (bytes(5000), "it is nothing but zeros, no ONNX model; download the model again"),
        (b"\n <HTML lang=en>", "it is an HTML page, as a failed download leaves it; download the model again"),
        (b'<?xml version="1.0"?>', "it is XML, such as the error of a failed download; download the model again"),
        (b'{"error": 1}', "it is JSON, no model: '{\"error\": 1}'; download the model again"),
        ("Größe ".encode() * 1000, "it is text, no model: 'Größe Größe Größe Größe Größe Größe Größ…'; download the"),
        (archive("model/data.pkl"), "it is a PyTorch checkpoint (a zip archive); torch.onnx.export makes an ONNX file"),
        (archive("config.json"), "it is a Keras model (a zip archive); `python -m convert` makes an ONNX file of it"),
        (archive("model.onnx"), "it is a zip archive; unpack it"),
        (archive("model.onnx")[:-5], "it is a zip archive that is damaged; download the model again"),
        (pickle.dumps([1.0]), "it is a Python pickle, such as PyTorch and scikit-learn write; export it by"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9), "it is an HDF5 file, such as Keras's .h5; `python -m convert` makes an ONNX"),
        (b"\x1f\x8b\x08" + bytes(9), "it is compressed by gzip; unpack it with `gunzip`"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00{}" + bytes(9), "it is a safetensors file, weights without a graph; export"),
        (b"\x1c\0\0\0TFL3", "it is a TensorFlow Lite model; `python -m tf2onnx.convert --tflite` makes an ONNX file"),
        (b"\xff\xfe\xfd\xfc" * 300, "it is no ONNX model, or one that was cut off or damaged on its way; copy or"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_first_bytes(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert sentence_of(path).startswith(sentence)


@pytest.mark.parametrize("share", [1, 10, 50, 90, 99])
def test_a_model_that_was_cut_off_is_damaged(share: int, tmp_path: Path) -> None:
    path = shade_model(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * share // 100])
    assert "cut off or damaged" in sentence_of(path)


def test_metadata_that_is_not_text_is_said(tmp_path: Path) -> None:
    path = shade_model(tmp_path / "1/model.onnx", names="{0: 'dark', 1: 'light'}")
    path.write_bytes(path.read_bytes().replace(b"dark", b"\xed\xffrk"))
    assert sentence_of(path) == "its names or its metadata are not UTF-8 text; it may be damaged"


def test_what_is_no_file_is_said_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("../objects/12")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/saved_model.pb").touch()
    assert sentence_of(tmp_path / "pipe") == "it is no regular file"
    assert sentence_of(tmp_path / "link") == "it is a link to '../objects/12', where nothing is; put the model there"
    assert sentence_of(tmp_path / "saved").startswith("it is a folder, TensorFlow's SavedModel; `python -m convert`")
    assert sentence_of(tmp_path / "gone") == "it cannot be read: No such file or directory"


def test_a_link_to_nothing_is_a_version_and_names_that_cannot_be_shown_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shade_model(tmp_path / "a/1/model.onnx")
    (tmp_path / "a/2").mkdir()
    (tmp_path / "a/2/model.onnx").symlink_to("nowhere")
    for name in ("b\nc", os.fsdecode(b"d\xff")):
        shade_model(tmp_path / name / "1/model.onnx")
    with caplog.at_level("INFO", "service"):
        assert {name: [file.version for file in files] for name, files in find_models(tmp_path).items()} == {
            "a": [2, 1]
        }
    reason = "is skipped: its name has characters that cannot be shown."
    assert [message.endswith(reason) for message in caplog.messages] == [True, True]
    assert all(message.isprintable() for message in caplog.messages)


def test_a_device_that_cannot_run_a_model_is_fatal_only_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Model, *arguments: object) -> None:
        raise DeviceError("3 nodes run on the CPU")

    path = shade_model(tmp_path / "model.onnx")
    monkeypatch.setattr(Model, "__init__", refuse)
    assert sentence_of(path, "auto") == "3 nodes run on the CPU"
    with pytest.raises(DeviceError, match=f"cannot serve {path}: 3 nodes run on the CPU"):
        open_model(ModelFile("x", 1, path), CPU, Settings(device="cuda"))


def test_a_defect_of_ours_harms_one_model_only_and_leaves_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> Callable[..., object]:
        def read(session: object, device: Device, every_one: bool = False) -> object:
            raise ZeroDivisionError(name)

        return read

    path = shade_model(tmp_path / "model.onnx")
    monkeypatch.setattr("service.inference.model.read_placement", fail("division\nby zero"))
    assert sentence_of(path) == "loading it has failed: ZeroDivisionError: division by zero"
    assert caplog.records[0].exc_info
    monkeypatch.setattr("service.inference.model.read_placement", read_placement)
    assert open_model(ModelFile("x", 1, path), CPU, Settings(device="cpu"))


def test_models_and_lines_come_in_the_folders_order_whoever_is_done_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["a", "b", "c", "d"]
    for name in names:
        shade_model(tmp_path / name / "1/model.onnx")
    load = loading.open_model

    def open_late(file: ModelFile, device: Device, settings: Settings) -> Model:
        time.sleep(0.2 * (file.name == "a"))
        logging.getLogger("service").info("%s is loaded", file.name)
        return load(file, device, settings)

    monkeypatch.setattr(loading, "open_model", open_late)
    monkeypatch.setattr(loading, "share_of_cores", lambda: 4)
    with caplog.at_level("INFO", "service"):
        loaded = load_models(Settings(models=tmp_path, device="cpu"))
        logging.getLogger("service").info("done")
    assert [model.name for model in loaded.models] == names
    assert [line for line in caplog.messages if "is loaded" in line] == [f"{name} is loaded" for name in names]
    assert caplog.messages[-1] == "done"
