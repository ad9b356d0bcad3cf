# /// script
# dependencies = ["flask==3.1.3", "gunicorn==27.0.1", "tensorflow==2.21.0", "keras==3.15.1", "pillow==13.0.0"]
# ///
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
# The libraries are in this peer's own environment.
"""The ancestor: Flask, and Keras's `predict` for each request, on the model that model.onnx was converted from.

    BENCH_KERAS=model.keras gunicorn --chdir bench/peers --threads 4 ancestor_server:app

Its own way to start, `flask run`, closes the connection after each answer; gunicorn's threads keep it open.
"""

from __future__ import annotations

import os

import numpy as np
from flask import Flask, request
from flask.typing import ResponseReturnValue
from keras.saving import load_model  # noqa: TID251  # this is the server that needs it
from PIL import Image

model = load_model(os.environ["BENCH_KERAS"])
model.predict(np.zeros((1, 28, 28, 1), np.uint8), verbose=0)
app = Flask(__name__)


@app.post("/mnist/classify")
def classify() -> ResponseReturnValue:
    """One image in, its class out."""
    file = request.files["file"]
    pixels = np.asarray(Image.open(file.stream).convert("L"), np.uint8).reshape(1, 28, 28, 1)
    (probabilities,) = model.predict(pixels, verbose=0)
    return {"cls": int(probabilities.argmax()), "fn": file.filename}


@app.get("/ready")
def ready() -> ResponseReturnValue:
    """Loaded."""
    return {"ready": True}
