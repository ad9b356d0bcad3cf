# /// script
# dependencies = ["nvidia-pytriton==0.7.0", "onnxruntime==1.31.1", "numpy==1.26.4"]
# ///
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
# The libraries are in this peer's own environment.
"""Triton through PyTriton with its dynamic batcher; it takes decoded pixels as a tensor, it knows no PNG.

BENCH_MODEL=model.onnx python bench/peers/pytriton_server.py 8000
"""

from __future__ import annotations

import os
import sys

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
taken = session.get_inputs()[0]


@batch
def classify(image: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """The classes (N, 1) of a batch (N, height, width, channels)."""
    (probabilities,) = session.run(None, {taken.name: image})
    return {"cls": probabilities.argmax(axis=1).reshape(-1, 1)}


if __name__ == "__main__":
    port = int(sys.argv[1])
    config = TritonConfig(
        http_port=port,
        http_thread_count=4,
        allow_grpc=False,
        allow_metrics=False,
        log_verbose=0,
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name="mnist",
            infer_func=classify,
            inputs=[Tensor(name="image", dtype=np.uint8, shape=tuple(taken.shape[1:]))],
            outputs=[Tensor(name="cls", dtype=np.int64, shape=(1,))],
            config=ModelConfig(max_batch_size=64, batcher=DynamicBatcher(max_queue_delay_microseconds=500)),
        )
        triton.serve()
