"""`python -m service.describe … --triton`: Triton's own message reads the text."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from service.describe import main
from tests.service.models import colour_model, shade_model
from tests.service.triton_models import MAKERS

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
