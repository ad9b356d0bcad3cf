"""Weights in files beside a model: what happens to the files while it is served does not matter."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.errors import ModelError
from service.inference.device import Device
from service.inference.external_data import locate
from service.inference.session import inspect, open_session
from tests.service.conftest import WAYS, png_bytes
from tests.service.models import external_model, shade_model
from tests.serving import serve

BLUE = {"file": ("a", png_bytes(np.full((64, 64, 3), (10, 20, 200), np.uint8)))}
CPU = Device("cpu", threads=1)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_is_written_over_or_cut_off_changes_no_answer_and_ends_nothing(tmp_path: Path, way: str) -> None:
    weights = external_model(tmp_path / "colour/1/model.onnx").parent / "weights.bin"
    with serve({"SERVICE_MODELS": str(tmp_path)}, *WAYS[way]) as server, httpx.Client(base_url=server.url) as client:

        def ask() -> str:
            return client.post("/colour/classify?top=3", files=BLUE).text

        before = ask()
        assert '"cls":2' in before
        with weights.open("r+b") as file:
            file.write(bytes(weights.stat().st_size))
        assert ask() == before
        os.truncate(weights, 0)
        assert ask() == before
        weights.unlink()
        assert ask() == before


def test_what_is_wrong_with_the_files_is_said_and_the_others_are_served(tmp_path: Path) -> None:
    shade_model(tmp_path / "good/1/model.onnx")
    for name in ("missing", "cut", "escaping", "linked"):
        external_model(tmp_path / name / "1/model.onnx")
    (tmp_path / "missing/1/weights.bin").unlink()
    os.truncate(tmp_path / "cut/1/weights.bin", 100)
    point_to(tmp_path / "escaping/1/model.onnx", "../../good/1/model.onnx")
    (tmp_path / "linked/1/weights.bin").rename(tmp_path / "weights.bin")
    (tmp_path / "linked/1/weights.bin").symlink_to(tmp_path / "weights.bin")
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server:
        errors = {
            name: httpx.post(f"{server.url}/{name}/classify", files=BLUE).json().get("error", "").partition("data ")[2]
            for name in ("missing", "cut", "escaping", "linked")
        }
        assert httpx.post(f"{server.url}/good/classify", files=BLUE).status_code == 200
    outside = "is outside of the model's folder; put it beside the model"
    assert errors == {
        "missing": "'weights.bin' is missing; it belongs beside the model's file",
        "cut": "'weights.bin' has 100 bytes, not 49152; copy or download it again",
        "escaping": f"'../../good/1/model.onnx' {outside}",
        "linked": f"'weights.bin' {outside}",
    }


def point_to(path: Path, location: str) -> None:
    """Let a model's external data be at another location."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())


def test_a_model_of_links_into_a_store_is_found(tmp_path: Path) -> None:
    """As in the cache of Hugging Face's hub, where both are links to files in another folder."""
    store, folder = tmp_path / "blobs", tmp_path / "1"
    external_model(store / "model.onnx")
    folder.mkdir()
    (store / "model.onnx").rename(store / "abc")
    (folder / "model.onnx").symlink_to(store / "abc")
    (folder / "weights.bin").symlink_to(store / "weights.bin")
    assert open_session(folder / "model.onnx", CPU)


def test_weights_in_inner_graphs_and_in_folders_of_their_own_are_read(tmp_path: Path) -> None:
    path = branching_model(tmp_path / "model.onnx", "data/w 1.bin")
    inspect(path)
    session = open_session(path, CPU)
    (tmp_path / "data/w 1.bin").unlink()
    ones = np.ones((2, 2), np.float32)
    assert session.run(None, {"x": ones})[0].tolist() == [[1, 2], [3, 4]]
    assert session.run(None, {"x": -ones})[0].tolist() == [[-1, -1], [-1, -1]]


def branching_model(path: Path, location: str) -> Path:
    """The product of x (2, 2) and weights, where the sum of x is above 0; the weights are in a file."""
    weights = numpy_helper.from_array(np.array([[1, 2], [3, 4]], np.float32), "weights")
    (path.parent / location).parent.mkdir()
    (path.parent / location).write_bytes(weights.raw_data)
    onnx.external_data_helper.set_external_data(weights, location, 0, len(weights.raw_data))
    weights.ClearField("raw_data")
    value = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    then = helper.make_graph([helper.make_node("Mul", ["x", "weights"], ["z"])], "then", [], [value], [weights])
    otherwise = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "else", [], [value])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["is_more"]),
        helper.make_node("If", ["is_more"], ["y"], then_branch=then, else_branch=otherwise),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in ("x", "y")]
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    graph = helper.make_graph(nodes, "branching", ends[:1], ends[1:], [zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_cut_file_is_refused_where_the_model_names_no_length(tmp_path: Path) -> None:
    path = external_model(tmp_path / "model.onnx")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        kept = [entry for entry in tensor.external_data if entry.key != "length"]
        del tensor.external_data[:]
        tensor.external_data.extend(kept)
    path.write_bytes(model.SerializeToString())
    assert open_session(path, CPU)
    os.truncate(tmp_path / "weights.bin", 100)
    with pytest.raises(ModelError, match="out of bounds"):
        open_session(path, CPU)


def test_a_location_that_is_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not UTF-8 text"):
        locate(b"\xff", tmp_path)
