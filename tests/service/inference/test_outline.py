"""A model that is split and joined is the same, with its large initializers at the end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from service.errors import ModelError
from service.inference.graph_file import GraphFile
from service.inference.outline import SMALL, join, split


def make_model(sizes: list[int], raw: bool = True) -> onnx.ModelProto:
    """A chain of additions of constants of these sizes."""
    values = [np.arange(size, dtype=np.float32) for size in sizes]
    names = [f"constant {index}" for index in range(len(sizes))]
    constants = [
        numpy_helper.from_array(value, name)
        if raw
        else helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.tolist())
        for name, value in zip(names, values, strict=True)
    ]
    nodes = [helper.make_node("Add", [f"v{i}", name], [f"v{i + 1}"]) for i, name in enumerate(names)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("v0", f"v{len(sizes)}")]
    model = helper.make_model(
        helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    helper.set_model_props(model, {"key": "value"})
    return model


@given(st.lists(st.sampled_from([0, 1, 4, 200, 300, 5000]), max_size=6), st.booleans())
def test_what_is_split_and_joined_is_as_it_was(sizes: list[int], raw: bool) -> None:
    model = make_model(sizes, raw)
    data = model.SerializeToString()
    kept, weights = split(data)
    small = onnx.load_model_from_string(kept)
    is_small = [len(tensor.SerializeToString()) <= SMALL for tensor in model.graph.initializer]
    assert len(weights) == is_small.count(False)
    assert [tensor.name for tensor in small.graph.initializer] == [
        tensor.name for tensor, small in zip(model.graph.initializer, is_small, strict=True) if small
    ]
    joined = onnx.load_model_from_string(join(kept, data, weights))
    for one in (joined, model):
        one.graph.initializer.sort(key=lambda tensor: tensor.name)
    assert joined == model


def test_a_change_in_the_graph_stays_when_it_is_joined() -> None:
    data = make_model([600_000]).SerializeToString()
    kept, weights = split(data)
    small = onnx.load_model_from_string(kept)
    small.graph.node[0].op_type = "Sub"
    session = ort.InferenceSession(join(small.SerializeToString(), data, weights), providers=["CPUExecutionProvider"])
    given = np.ones(600_000, np.float32)
    np.testing.assert_array_equal(session.run(None, {"v0": given})[0], 1 - np.arange(600_000, dtype=np.float32))


def test_it_is_small() -> None:
    assert len(split(make_model([1_000_000]).SerializeToString())[0]) < 300


@given(st.binary(max_size=60))
def test_what_is_no_message_is_refused_or_copied(data: bytes) -> None:
    with suppress(ValueError):
        split(data)


@pytest.mark.parametrize("cut", [1, 40, 700])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="longer than its message|has no end"):
        split(make_model([500]).SerializeToString()[:-cut])


def test_a_file_that_is_damaged_while_it_is_loaded_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(make_model([500]).SerializeToString()[:-40])
    with pytest.raises(ModelError, match="cut off or damaged"):
        GraphFile(path).last_operation("v1")
