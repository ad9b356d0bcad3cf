"""Models that take as long as wanted: a convolution of each image, again and again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE, CHANNELS, CLASSES = 28, 16, 10
TRIAL_ROUNDS = 50


def slow_model(path: Path, seconds: float) -> Path:
    """Write a classifier of (N, 28, 28, 1) uint8 that takes so long for each image, on one thread here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, TRIAL_ROUNDS)
    once_s = _time(path) / TRIAL_ROUNDS
    _write(path, max(1, round(seconds / once_s)))
    return path


def _write(path: Path, rounds: int) -> None:
    """The model, with that many rounds of the convolution; the more light, the higher the class."""
    kernel = np.zeros((CHANNELS, CHANNELS, 3, 3), np.float32)
    kernel[:, :, 1, 1] = np.eye(CHANNELS)  # each round leaves everything as it is
    tensors: dict[str, NDArray[Any]] = {
        "rounds": np.array(rounds, np.int64),
        "kernel": kernel,
        "yes": np.array(True),
        "spread": np.ones((CHANNELS, 1, 1, 1), np.float32),
        "light": np.arange(CLASSES, dtype=np.float32)[None] / CLASSES,
        "white": np.array(255, np.float32),
        "column": np.array([-1, 1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "white"], ["pixels"]),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "spread"], ["first"]),
        helper.make_node("Loop", ["rounds", "yes", "first"], ["last"], body=_make_round()),
        helper.make_node("ReduceMean", ["last"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["level"]),
        helper.make_node("Sub", ["level", "light"], ["distance"]),
        helper.make_node("Abs", ["distance"], ["far"]),
        helper.make_node("Neg", ["far"], ["near"]),
        helper.make_node("Softmax", ["near"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def _make_round() -> onnx.GraphProto:
    """What the loop does again and again: the convolution."""
    value, make = helper.make_tensor_value_info, helper.make_node
    return helper.make_graph(
        [make("Conv", ["before", "kernel"], ["after"], pads=[1, 1, 1, 1]), make("Identity", ["go"], ["goes"])],
        "round",
        [
            value("number", TensorProto.INT64, []),
            value("go", TensorProto.BOOL, []),
            value("before", TensorProto.FLOAT, None),
        ],
        [value("goes", TensorProto.BOOL, []), value("after", TensorProto.FLOAT, None)],
    )


def _time(path: Path) -> float:
    """Seconds of one image, the shortest of three."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shortest = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        session.run(None, {"image": np.zeros((1, SIDE, SIDE, 1), np.uint8)})
        shortest = min(shortest, time.perf_counter() - started)
    return shortest
