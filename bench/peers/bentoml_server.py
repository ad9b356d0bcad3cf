# /// script
# dependencies = [
#     "bentoml==1.4.39", "uvloop==0.23.0", "httptools==0.9.0",
#     "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
# ]
# ///
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
# The libraries are in this peer's own environment.
"""BentoML; without its adaptive batching, which is slower here (see bench/LOG.md).

BENCH_MODEL=model.onnx bentoml serve bentoml_server:Classifier --working-dir bench/peers
"""

from __future__ import annotations

import os
from typing import cast

import bentoml
import numpy as np
import onnxruntime as ort
from PIL.Image import Image
from PIL.ImageFile import ImageFile
from preparing import prepare


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Classifier:
    """The model and its HTTP endpoint in one process."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name

    @bentoml.api
    async def classify(self, file: Image) -> int:
        """One image in, its class out; nothing here waits, so no thread pool is needed."""
        upload = cast(ImageFile, file).fp  # BentoML has opened it, and read no more than its header
        assert upload is not None
        upload.seek(0)
        pixels = prepare(upload.read())
        (probabilities,) = self.session.run(None, {self.input_name: pixels[np.newaxis]})
        return int(probabilities[0].argmax())
