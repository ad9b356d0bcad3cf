"""An outline is the same model without the values of large initializers."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from service.inference.outline import SMALL, outline


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
    model = helper.make_model(helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants))
    helper.set_model_props(model, {"key": "value"})
    return model


@given(st.lists(st.sampled_from([0, 1, 4, 200, 300, 5000]), max_size=6), st.booleans())
def test_all_but_large_values_is_as_it_was(sizes: list[int], raw: bool) -> None:
    model = make_model(sizes, raw)
    outlined = onnx.load_model_from_string(outline(model.SerializeToString()))
    for tensor in model.graph.initializer:
        if len(tensor.SerializeToString()) > SMALL:
            for field in ("raw_data", "float_data"):
                tensor.ClearField(field)
    assert outlined == model


def test_it_is_small() -> None:
    assert len(outline(make_model([1_000_000]).SerializeToString())) < 300


@given(st.binary(max_size=60))
def test_what_is_no_message_is_refused_or_copied(data: bytes) -> None:
    with suppress(ValueError):
        outline(data)


@pytest.mark.parametrize("cut", [1, 40, 700])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="longer than its message|has no end"):
        outline(make_model([500]).SerializeToString()[:-cut])
