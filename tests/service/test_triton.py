"""`python -m service.describe … --triton`: Triton's own message reads the text, and Triton serves the files by it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from service.describe import main
from tests.service.models import colour_model, shade_model

TIMEOUT_S = 60
DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


def several_outputs(path: Path) -> Path:
    """`colour_model` with a whole number for each picture, and a text of it, beside the scores."""
    model = onnx.load(colour_model(path))
    model.graph.node.append(helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0))
    model.graph.node.append(helper.make_node("Cast", ["best"], ["word"], to=TensorProto.STRING))
    model.graph.output.append(helper.make_tensor_value_info("best", TensorProto.INT64, ["N"]))
    model.graph.output.append(helper.make_tensor_value_info("word", TensorProto.STRING, ["N"]))
    onnx.save(model, path)
    return path


def open_sides(path: Path) -> Path:
    """`colour_model` for pictures of any size, where the metadata says one; Triton is told what the file says."""
    model = onnx.load(colour_model(path, upload_and_classify__size="8x8"))
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"side{axis}"
    onnx.save(model, path)
    return path


def joined_rows(path: Path) -> Path:
    """`colour_model` whose scores are less the mean of all rows: an open batch that must not be shared."""
    model = onnx.load(colour_model(path))
    model.graph.node[0].output[0] = "means"
    model.graph.node.append(helper.make_node("ReduceMean", ["means"], ["all"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Sub", ["means", "all"], ["scores"]))
    onnx.save(model, path)
    return path


def scalar_output(path: Path) -> Path:
    """`colour_model` with the highest score of all rows, which has no sides."""
    model = onnx.load(colour_model(path))
    model.graph.node.append(helper.make_node("ReduceMax", ["scores"], ["highest"], keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("highest", TensorProto.FLOAT, []))
    onnx.save(model, path)
    return path


MAKERS: dict[str, Any] = {
    "bytes": shade_model,
    "fixed": lambda path: shade_model(path, batch=1),
    "four": lambda path: shade_model(path, batch=4),
    "floats": colour_model,
    "halves": lambda path: colour_model(path, dtype=TensorProto.FLOAT16),
    "several": several_outputs,
    "open": open_sides,
    "joined": joined_rows,
    "scalar": scalar_output,
}
# max_batch_size, the input's type and dims, the outputs' dims.
EXPECTED: dict[str, tuple[int, str, list[int], dict[str, list[int]]]] = {
    "bytes": (64, "TYPE_UINT8", [4, 4, 1], {"scores": [2]}),
    "fixed": (0, "TYPE_UINT8", [1, 4, 4, 1], {"scores": [1, 2]}),
    "four": (0, "TYPE_UINT8", [4, 4, 4, 1], {"scores": [4, 2]}),
    "floats": (64, "TYPE_FP32", [3, 4, 4], {"scores": [3]}),
    "halves": (64, "TYPE_FP16", [3, 4, 4], {"scores": [3]}),
    "several": (64, "TYPE_FP32", [3, 4, 4], {"scores": [3], "best": [1], "word": [1]}),
    "open": (64, "TYPE_FP32", [3, -1, -1], {"scores": [3]}),
    "joined": (0, "TYPE_FP32", [-1, 3, 4, 4], {"scores": [-1, 3]}),
    "scalar": (0, "TYPE_FP32", [-1, 3, 4, 4], {"scores": [-1, 3], "highest": [1]}),
}


def write(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([str(path), "--triton"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", MAKERS)
def test_triton_s_message_reads_it(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    messages = pytest.importorskip("tritonclient.grpc.model_config_pb2", reason="tritonclient[grpc] is not installed")
    from google.protobuf import text_format

    config = text_format.Parse(write(MAKERS[kind](tmp_path / kind / "1/model.onnx"), capsys), messages.ModelConfig())
    rows, dtype, dims, outputs = EXPECTED[kind]
    assert (config.platform, config.max_batch_size) == ("onnxruntime_onnx", rows)
    assert config.HasField("dynamic_batching") == bool(rows)
    assert [(each.name, list(each.dims)) for each in config.input] == [("image", dims)]
    assert messages.DataType.Name(config.input[0].data_type) == dtype
    assert {each.name: list(each.dims) for each in config.output} == outputs
    words = {each.name: messages.DataType.Name(each.data_type) for each in config.output}
    known = {"scores": "TYPE_FP32", "highest": "TYPE_FP32", "best": "TYPE_INT64", "word": "TYPE_STRING"}
    assert words == {name: known[name] for name in outputs}
    assert all(each.HasField("reshape") == (each.name in {"best", "word"}) for each in config.output)


def test_max_batch_is_the_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_MAX_BATCH", "7")
    assert "max_batch_size: 7\n" in write(shade_model(tmp_path / "model.onnx"), capsys)


def test_a_name_is_written_so_that_it_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = onnx.load(shade_model(tmp_path / "model.onnx"))
    model.graph.output[0].name = model.graph.node[-1].output[0] = 'größe "x"\\'
    onnx.save(model, tmp_path / "model.onnx")
    assert r'name: "größe \"x\"\\",' in write(tmp_path / "model.onnx", capsys)


def test_the_maps_of_scikit_learn_are_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.onnx"
    model = onnx.load(colour_model(file))
    node = helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["r", "g", "b"])
    model.graph.node.append(node)
    maps = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    model.graph.output.append(helper.make_value_info("maps", helper.make_sequence_type_proto(maps)))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    onnx.save(model, file)
    assert main([str(file), "--triton"]) == 2
    assert capsys.readouterr().err.endswith("; export the model without it, by skl2onnx with the option zipmap=False\n")


def test_what_triton_does_not_load_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.onnx"
    model = onnx.load(shade_model(file))
    model.graph.node.append(helper.make_node("SequenceConstruct", ["scores"], ["list"]))
    model.graph.output.append(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))
    onnx.save(model, file)
    assert main([str(file), "--triton"]) == 2
    sentence = (
        "'list' is seq(tensor(float)), which Triton's ONNX Runtime backend does not load; export the model without it"
    )
    assert capsys.readouterr() == ("", f"describe: {file}: {sentence}\n")
    file.write_text("<!DOCTYPE html><html></html>")
    assert main([str(file), "--triton"]) == 2
    assert capsys.readouterr().err.startswith(f"describe: {file}: it is an HTML page")


@contextmanager
def triton(repository: Path, log: Path) -> Iterator[str]:
    """Address of a Triton that takes configurations as they are written, and ends if one is wrong."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server, backends = os.environ["TRITON_SERVER"], os.environ["TRITON_BACKENDS"]
    command = [server, "--model-repository", str(repository), "--backend-directory", backends]
    command += ["--disable-auto-complete-config", "--http-address", "127.0.0.1", "--http-port", str(port)]
    command += ["--allow-grpc", "false", "--allow-metrics", "false"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while not is_ready(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.skipif(
    not {"TRITON_SERVER", "TRITON_BACKENDS"} <= set(os.environ),
    reason="TRITON_SERVER and TRITON_BACKENDS name no tritonserver and no folder with its backend onnxruntime",
)
def test_triton_answers_as_onnx_runtime(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    from tritonclient.utils import np_to_triton_dtype

    folder = tmp_path / "models"
    files = {kind: make(folder / kind / "1/model.onnx") for kind, make in MAKERS.items()}
    files["mnist"] = folder / "mnist/1/model.onnx"
    files["mnist"].parent.mkdir(parents=True)
    files["mnist"].write_bytes(Path("models/mnist/1/model.onnx").read_bytes())
    for kind in files:
        (folder / kind / "config.pbtxt").write_text(write(folder / kind, capsys))
    digits = [Image.open(path) for path in sorted(Path("imgs").glob("[0-9]*.png"))]
    with triton(folder, tmp_path / "log") as address, client.InferenceServerClient(address, concurrency=16) as asked:
        for kind, file in files.items():
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
            declared = session.get_inputs()[0]
            sides = [side if isinstance(side, int) else 5 for side in declared.shape]
            tensor = np.random.default_rng(0).integers(0, 256, sides).astype(DTYPES[declared.type])
            if kind == "mnist":
                tensor = np.stack([np.asarray(digit)[:, :, None] for digit in digits])
            expected = session.run(None, {declared.name: tensor})
            # The whole; and many small requests at once, which Triton puts together where it may.
            for parts in ([tensor], np.split(tensor, len(tensor)) if batches(folder / kind) else [tensor]):
                given = [client.InferInput(declared.name, each.shape, np_to_triton_dtype(each.dtype)) for each in parts]
                for each, values in zip(given, parts, strict=True):
                    each.set_data_from_numpy(values)
                answers = [waiting.get_result() for waiting in [asked.async_infer(kind, [each]) for each in given]]
                compare(session, answers, expected)


def batches(folder: Path) -> bool:
    return "dynamic_batching" in (folder / "config.pbtxt").read_text()


def compare(session: onnxruntime.InferenceSession, answers: list[Any], expected: list[np.ndarray]) -> None:
    """Of requests in their order, together all rows, to what ONNX Runtime gives for these."""
    for output, right in zip(session.get_outputs(), expected, strict=True):
        got = np.concatenate([answer.as_numpy(output.name) for answer in answers]).reshape(right.shape)
        if output.type == "tensor(string)":
            assert [text.decode() for text in got] == list(right)
        else:
            np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-6)
