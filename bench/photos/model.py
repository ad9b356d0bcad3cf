"""A MobileNetV2 as this project's converter writes it, made once: `.bench/photos/models/mobilenet/1/model.onnx`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
from onnx import helper

from bench.environment import ENVIRONMENTS
from bench.errors import BenchError
from bench.server import ROOT

NAME = "mobilenet"
FOLDER = ENVIRONMENTS / "photos" / "models"
STRETCHED = {"upload_and_classify.resize": "stretch"}  # as the peers do, who know no other way


def prepare_model() -> Path:
    """The models folder, which has MNIST's, too.

    Raises:
        BenchError: The model cannot be made.
    """
    file = FOLDER / NAME / "1" / "model.onnx"
    if not file.exists():
        print(f"making {file}, which takes a minute …", file=sys.stderr)
        keras = FOLDER / NAME / "model.keras"
        keras.parent.mkdir(parents=True, exist_ok=True)
        _run("bench.photos.keras_model", keras)
        _run("convert", keras)
        model = onnx.load(file)
        helper.set_model_props(model, {each.key: each.value for each in model.metadata_props} | STRETCHED)
        onnx.save(model, file)
    digits = FOLDER / "mnist"
    if not digits.exists():
        digits.symlink_to(ROOT / "models" / "mnist")
    return FOLDER


def _run(module: str, file: Path) -> None:
    done = subprocess.run([sys.executable, "-m", module, file], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"python -m {module} {file} failed: {done.stderr.strip()[-500:]}")
