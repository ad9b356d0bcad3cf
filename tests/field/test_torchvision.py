"""torchvision's classics, adopted with one preset: its own transforms' pixels, and its own classes.

TORCHVISION_MODELS names the folder that torchvision_export.py has filled, in an environment that has PyTorch.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from service.adopt import main as adopt
from service.images.reading import read_image
from service.inference.device import Device
from service.inference.model import Model, sound
from service.registry import target_of
from service.settings import Settings

FOLDER = Path(os.environ.get("TORCHVISION_MODELS", "nowhere"))
EXPORTS = sorted(path.parent for path in FOLDER.glob("*/*/model.onnx"))
pytestmark = pytest.mark.skipif(not EXPORTS, reason="TORCHVISION_MODELS names no folder of torchvision's models")


@pytest.mark.parametrize("export", EXPORTS or [FOLDER], ids=lambda path: "-".join(path.parts[-2:]))
def test_pixels_and_classes_are_torchvisions(export: Path, tmp_path: Path) -> None:
    options = ["--name", "x", "--preset", "imagenet", "--models", str(tmp_path)]
    assert adopt([str(export / "model.onnx"), *options]) == 0
    model = Model("x", 1, tmp_path / "x/1/model.onnx", Device("cpu", threads=2), Settings())
    expected = json.loads((export.parent / "expected.json").read_text())
    pictures = sorted((FOLDER / "pictures").glob("*.png"))
    with np.load(FOLDER / f"pixels{expected['size']}.npz") as file:
        pixels = file["arr_0"]
    target = target_of(model)
    right = 0
    for path, wanted in zip(pictures, pixels, strict=True):
        image = read_image(path.read_bytes(), path.name, target, 10**7)
        assert np.abs(image.astype(int) - wanted).max() <= 2
        ((best, _),) = sound(model.run([image]))
        right += best == expected["answers"][path.name][0]
    assert len({best for best, _ in expected["answers"].values()}) >= 20
    assert right >= 0.99 * len(pictures)
