"""`python -m service.describe models/x --triton`: the same file in Triton, as its `config.pbtxt` says it.

Triton serves the model's own tensors and knows no pictures: names, types and dims are those that the file declares, and
not what this service reads from metadata. Rows are batched only where a trial has shown that each has its own answer.

Sources: triton-inference-server/common, protobuf/model_config.proto; onnxruntime_backend, src/onnxruntime_utils.cc.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from service.api.tensors import name_datatype, name_type
from service.errors import ModelError
from service.inference.model import Model
from service.inference.session import Declared, inspect
from service.inference.tensor_model import TYPES, TensorModel


def write_config(model: Model, max_batch: int) -> str:
    """The text of `config.pbtxt`, for at most that many rows in a run.

    Raises:
        ModelError: Triton would not load the file.
    """
    session = inspect(model.path)
    inputs, outputs = (
        [Declared(each.name, each.type, each.shape) for each in nodes]
        for nodes in (session.get_inputs(), session.get_outputs())
    )
    _refuse_other_types([*inputs, *outputs])
    # Triton wants an open first side of every tensor that it batches.
    are_rows = all(each.shape and not isinstance(each.shape[0], int) for each in (*inputs, *outputs))
    batched = are_rows and TensorModel(model).shares_runs
    lines = ['platform: "onnxruntime_onnx"', f"max_batch_size: {max_batch if batched else 0}"]
    lines += ["input [", ",\n".join(_write_tensor(each, batched) for each in inputs), "]"]
    lines += ["output [", ",\n".join(_write_tensor(each, batched) for each in outputs), "]"]
    return "\n".join([*lines, *(["dynamic_batching { }"] if batched else [])])


def _refuse_other_types(tensors: Sequence[Declared]) -> None:
    for name, dtype, _ in tensors:
        if dtype not in TYPES:
            raise ModelError(
                f"{name!r} is {dtype}, which Triton's ONNX Runtime backend does not load; export the model without it"
                + (", by skl2onnx with the option zipmap=False" if dtype.startswith("seq(map") else "")
            )


def _write_tensor(tensor: Declared, batched: bool) -> str:
    """One entry of `input` or `output`; the batch is left out of the dims, as Triton wants it."""
    dims = [side if isinstance(side, int) else -1 for side in tensor.shape[batched:]]
    # Triton wants one side at least: a number for each row needs the reshape, and one for all rows is refused with it.
    shape = f"dims: [ {', '.join(map(str, dims or [1]))} ]"
    if batched and not dims:
        shape += ", reshape { shape: [ ] }"
    name, word = json.dumps(tensor.name, ensure_ascii=False), name_type(name_datatype(tensor.dtype))
    return f"  {{ name: {name}, data_type: {word}, {shape} }}"
