# /// script
# dependencies = [
#     "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "starlette==1.10.0", "python-multipart==0.0.34",
#     "onnxruntime==1.31.1", "numpy==2.4.6", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
# ]
# ///
"""What most people write: Starlette's form, Pillow, and `session.run` in the handler.

BENCH_MODEL=model.onnx uvicorn --app-dir bench/peers starlette_server:app --no-access-log
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime as ort
from preparing import prepare
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name


async def classify(request: Request) -> Response:
    """One image in, its class out."""
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        pixels = prepare(await file.read())
        (probabilities,) = session.run(None, {input_name: pixels[np.newaxis]})
        return JSONResponse({"cls": int(probabilities[0].argmax()), "fn": file.filename})


async def ready(request: Request) -> Response:
    """Loaded."""
    return JSONResponse({"ready": True})


app = Starlette(routes=[Route("/mnist/classify", classify, methods=["POST"]), Route("/ready", ready)])
