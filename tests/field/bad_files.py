"""Bad cases: files that are no ONNX model, or one that ONNX Runtime cannot load or run."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.field.case import Bad
from tests.field.making import good
from tests.field.networks import model_of, save
from tests.field.pictures import png_of

Write = Callable[[Path], None]
POINTER = b"""version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 102400000
"""
PAGE = b"<!DOCTYPE html>\n<html><head><title>Not found</title></head><body>404</body></html>\n"
NOT_ONNX = "onnx|model|read|load|known"  # whatever is said, it names what is expected


def content(data: bytes | Callable[[], bytes]) -> Write:
    """Writes a file of that content as version 1."""

    def write(folder: Path) -> None:
        path = folder / "1" / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data())

    return write


def good_bytes() -> bytes:
    """A good model."""
    model: bytes = model_of(good("whole")).SerializeToString()
    return model


def changed(change: Callable[[onnx.ModelProto], None], **keywords: Any) -> Write:
    """Writes a good model after a change to it."""

    def make() -> bytes:
        model = model_of(good("changed", **keywords))
        change(model)
        data: bytes = model.SerializeToString()
        return data

    return content(make)


def containers() -> Iterator[Bad]:
    """Files of other formats."""
    for name, says, data in (
        ("pointer", "lfs|pointer", POINTER),
        ("html", "html|page", PAGE),
        ("html_after_blank_lines", "html|page", b"\n\n" + PAGE.lower()),
        ("xml", "xml|html|text|onnx", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n'),
        ("zip", "zip", _zip("model.onnx")),
        ("torch_checkpoint", "zip|torch", _zip("archive/data.pkl")),
        ("keras_file", "zip|keras", _zip("config.json")),
        ("empty", r"empty|0 bytes|no bytes", b""),
        ("one_byte", NOT_ONNX, b"\x08"),
        ("zeros", NOT_ONNX, bytes(4096)),
        ("noise", NOT_ONNX, np.random.default_rng(1).bytes(4096)),
        ("text", "text|onnx", b"model.onnx is on the other disk\n"),
        ("json", "json|text|onnx", json.dumps({"error": "Invalid username or password."}).encode()),
        ("pickle", "pickle|onnx", pickle.dumps({"weights": [1.0, 2.0]})),
        ("safetensors", "safetensors|onnx", struct.pack("<Q", 2) + b"{}"),
        ("tflite", "tflite|tensorflow|onnx", b"\x1c\0\0\0TFL3" + bytes(100)),
        ("hdf5", "hdf5|keras|onnx", b"\x89HDF\r\n\x1a\n" + bytes(200)),
        ("png", "png|picture|image|onnx", png_of("square")),
        ("gzip", "gzip|compressed|onnx", gzip.compress(b"model" * 100, mtime=0)),
        ("ort_format", "ort|onnx", b"\x24\0\0\0ORTM" + bytes(200)),
    ):
        yield Bad(f"bad_{name}", says, content(data), "load")
    for share in (10, 50, 90, 99):
        whole = good_bytes()
        yield Bad(
            f"bad_cut_at_{share}",
            f"cut|truncat|damage|whole|{NOT_ONNX}",
            content(whole[: len(whole) * share // 100]),
            "load",
        )
    yield Bad("bad with space, Größe", "lfs|pointer", content(POINTER), "load")
    yield Bad("bad_versions_both", "lfs|pointer|html|page", _write_two, "load")
    yield Bad(
        "bad_folder", "folder|directory|file|onnx", lambda folder: (folder / "1/model.onnx").mkdir(parents=True), "load"
    )


def _write_two(folder: Path) -> None:
    content(POINTER)(folder)
    (folder / "2").mkdir()
    (folder / "2" / "model.onnx").write_bytes(PAGE)


def _zip(member: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(member), "content")
    return buffer.getvalue()


def external() -> Iterator[Bad]:
    """Weights beside the file that are not there."""
    case = good("weights", external="weights.bin")

    def write(keep: int | None) -> Write:
        def write_case(folder: Path) -> None:
            save(case, folder / "1" / "model.onnx")
            data = folder / "1" / "weights.bin"
            if keep is None:
                data.unlink()
            else:
                data.write_bytes(data.read_bytes()[:keep])

        return write_case

    yield Bad("bad_external_missing", "weights.bin|external", write(None), "load")
    yield Bad("bad_external_empty", "weights.bin|external|size|bytes", write(0), "load")
    yield Bad("bad_external_cut", "weights.bin|external|size|bytes", write(40), "load")


def unloadable() -> Iterator[Bad]:
    """ONNX files that ONNX Runtime does not load."""

    def domain(model: onnx.ModelProto) -> None:
        model.graph.node[-1].domain = "com.example"
        model.opset_import.append(helper.make_opsetid("com.example", 1))

    def operator(model: onnx.ModelProto) -> None:
        model.graph.node[-1].op_type = "Frobnicate"

    def opset(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = 999

    def ir(model: onnx.ModelProto) -> None:
        model.ir_version = 99

    def types(model: onnx.ModelProto) -> None:
        for index, each in enumerate(model.graph.initializer):
            if each.data_type == TensorProto.FLOAT:
                half = numpy_helper.from_array(numpy_helper.to_array(each).astype(np.float16), each.name)
                model.graph.initializer[index].CopyFrom(half)

    def missing(model: onnx.ModelProto) -> None:
        model.graph.node[1].input[0] = "nowhere"

    def cycle(model: onnx.ModelProto) -> None:
        model.graph.node[0].input[0] = model.graph.node[-1].output[0]

    def headless(model: onnx.ModelProto) -> None:
        del model.graph.output[:]

    def shapes(model: onnx.ModelProto) -> None:
        matrix = next(each for each in model.graph.initializer if len(each.dims) == 2)
        matrix.CopyFrom(numpy_helper.from_array(np.ones((5, 3), np.float32), matrix.name))

    yield Bad("bad_domain", r"com\.example|domain|operator", changed(domain), "load")
    yield Bad("bad_operator", "Frobnicate", changed(operator), "load")
    yield Bad("bad_opset", "opset|999", changed(opset), "load")
    yield Bad("bad_ir_version", "ir.?version|99|newer", changed(ir), "load")
    yield Bad("bad_types", "type|float16|load", changed(types), "load")
    yield Bad("bad_missing_input", "nowhere|load|graph", changed(missing), "load")
    yield Bad("bad_cycle", "cycle|acyclic|load|graph|sort", changed(cycle), "load")
    yield Bad("bad_no_output", "output|load", changed(headless), "rule")
    yield Bad("bad_shapes", "load|run|dimension|shape", changed(shapes), "load")
    yield Bad(
        "bad_model_proto_without_graph", NOT_ONNX, content(onnx.ModelProto(ir_version=8).SerializeToString), "load"
    )


def cases() -> Iterator[Bad]:
    """All of this file."""
    for part in (containers, external, unloadable):
        yield from part()
