# /// script
# dependencies = [
#     "mosec==0.9.8",
#     "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
# ]
# ///
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
# The libraries are in this peer's own environment.
"""mosec with dynamic batching; its Rust front end takes the PNG as the whole body, it knows no multipart.

BENCH_MODEL=model.onnx python bench/peers/mosec_server.py --port 8000 --log-level error
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime as ort
from mosec import Server, Worker
from numpy.typing import NDArray
from preparing import prepare


class Classifier(Worker):
    """One process that decodes, runs the model and encodes."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name

    def deserialize(self, data: bytes) -> NDArray[np.uint8]:
        """A picture to pixels (height, width, channels)."""
        return prepare(data)

    def forward(self, data: list[NDArray[np.uint8]]) -> list[dict[str, int]]:
        """The classes of a batch."""
        (probabilities,) = self.session.run(None, {self.input_name: np.stack(data)})
        return [{"cls": int(index)} for index in probabilities.argmax(axis=1)]


if __name__ == "__main__":
    server = Server()
    # A larger max_batch_size makes 16 connections wait for a batch that cannot fill.
    server.append_worker(Classifier, num=1, max_batch_size=16, max_wait_time=1)  # images, milliseconds
    server.run()
