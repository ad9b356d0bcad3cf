"""A tiny real model for photographs, with many long labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from service.inference.description import PREFIX

CLASSES = 1000
LABEL = "a very long <b>label</b> & more, number"


def photo_model(path: Path, side: int = 224, **keys: str) -> None:
    """(N, 3, side, side) float → 1000 probabilities, of which the reds have the first; labels are LABEL and the index.

    `keys` are those of service.inference.description, as text.
    """
    path.parent.mkdir(parents=True)
    weights = np.zeros((3, CLASSES), np.float32)
    weights[0, 0], weights[1, 1], weights[2, 2] = 20, 20, 20
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
        ],
        "photo",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, side, side])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    said = {PREFIX + key: text for key, text in keys.items()}
    helper.set_model_props(model, {"names": repr({index: f"{LABEL} {index}" for index in range(CLASSES)}), **said})
    onnx.save(model, path)
