"""A model of ResNet-50's shape and cost, for measurements: its weights are random.

    pixels (N, 224, 224, 3) uint8 → normalized → 53 convolutions and a dense layer → probabilities (N, 1000)

After He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, in the variant that halves the size
in the 3x3 convolution; batch normalization is taken to be folded into the convolutions, as every converter does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CLASSES = 224, 1000
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # filters of a block's middle, blocks, stride of the first
EXPANSION = 4  # of a block's output over its middle


class Network:
    """An ONNX graph under construction; each method returns the name of its output."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.draws = np.random.default_rng(0)

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output."""
        output = f"{operation}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], output, **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        """A weight."""
        self.weights.append(numpy_helper.from_array(values, f"weight{len(self.weights)}"))
        return self.weights[-1].name

    def random(self, *shape: int, gain: float = 2.0) -> str:
        """Weights that keep the variance, after He."""
        scale = np.sqrt(gain / np.prod(shape[1:]))
        return self.constant((self.draws.standard_normal(shape) * scale).astype(self.dtype))

    def convolve(self, x: str, inputs: int, filters: int, size: int, stride: int = 1, gain: float = 2.0) -> str:
        """A convolution with bias, padded to keep the size but for its stride."""
        weight = self.random(filters, inputs, size, size, gain=gain)
        bias = self.constant(np.zeros(filters, self.dtype))
        return self.add("Conv", x, weight, bias, strides=[stride] * 2, pads=[size // 2] * 4)


def write_resnet50(path: Path, dtype: Any = np.float32) -> Path:
    """Write the model, 51 MB in float16 and 102 MB in float32."""
    net = Network(dtype)
    kind = helper.np_dtype_to_tensor_dtype(net.dtype)
    x = net.add("Transpose", net.add("Cast", "pixels", to=kind), perm=[0, 3, 1, 2])
    x = net.add("Mul", net.add("Sub", x, net.constant(np.array(127.5, dtype))), net.constant(np.array(1 / 64, dtype)))
    x = net.add("Relu", net.convolve(x, 3, 64, 7, 2))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for filters, blocks, first_stride in STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            middle = net.add("Relu", net.convolve(x, channels, filters, 1))
            middle = net.add("Relu", net.convolve(middle, filters, filters, 3, stride))
            # A small gain at the end of each branch keeps the sum of sixteen of them within float16.
            branch = net.convolve(middle, filters, filters * EXPANSION, 1, gain=0.2)
            if block == 0:
                x = net.convolve(x, channels, filters * EXPANSION, 1, stride, gain=1.0)
            channels = filters * EXPANSION
            x = net.add("Relu", net.add("Add", x, branch))
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    x = net.add("Gemm", x, net.random(CLASSES, channels), net.constant(np.zeros(CLASSES, dtype)), transB=1)
    x = net.add("Softmax", net.add("Cast", x, to=TensorProto.FLOAT), axis=1)
    graph = helper.make_graph(
        net.nodes,
        "resnet50",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", CLASSES])],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
