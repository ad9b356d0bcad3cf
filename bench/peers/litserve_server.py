# /// script
# dependencies = [
#     "litserve==0.2.19", "python-multipart==0.0.34", "uvloop==0.23.0", "httptools==0.9.0",
#     "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
# ]
# ///
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
# The libraries are in this peer's own environment.
"""LitServe with batching: FastAPI in one process, the model in another.

BENCH_MODEL=model.onnx python bench/peers/litserve_server.py 8000
"""

import os
import sys

import litserve
import numpy as np
import onnxruntime as ort
from fastapi import Request
from numpy.typing import NDArray
from preparing import prepare


class Classifier(litserve.LitAPI):
    """The model's process."""

    def setup(self, device: str) -> None:
        """Load the model."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name

    def decode_request(self, request: Request) -> NDArray[np.uint8]:
        """An upload form to pixels (height, width, channels)."""
        return prepare(request["file"].file.read())

    def batch(self, inputs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Pixels of several requests to (N, height, width, channels)."""
        return np.stack(inputs)

    def predict(self, x: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The classes of a batch."""
        (probabilities,) = self.session.run(None, {self.input_name: x})
        classes: NDArray[np.int64] = probabilities.argmax(axis=1)
        return classes

    def unbatch(self, output: NDArray[np.int64]) -> list[int]:
        """One class for each request."""
        return [int(index) for index in output]

    def encode_response(self, output: int) -> dict[str, int]:
        """The answer."""
        return {"cls": output}


if __name__ == "__main__":
    api = Classifier(max_batch_size=64, batch_timeout=0.005)  # seconds
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        port=int(sys.argv[1]), num_api_servers=1, log_level="error", generate_client_file=False, access_log=False
    )
