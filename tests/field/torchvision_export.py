# /// script
# dependencies = ["torch", "torchvision", "onnx", "onnxscript", "numpy", "pillow"]
# ///
# mypy: ignore-errors
# It runs in an environment of its own, which has PyTorch.
"""torchvision's classics as ONNX files, and what they answer about pictures.

`python torchvision_export.py PICTURES FOLDER [NAME …]`: PICTURES holds photographs as PNG. From them, 200 pictures of
mixed sizes, kinds and orientations are cut. Weights are drawn, BatchNorm is calibrated on the pictures, and the logits
are spread, so that the pictures fall into many classes: with weights as they are drawn every picture would get the same
one. Each model is exported by both exporters.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision import transforms

NAMES = (
    "alexnet",
    "squeezenet1_1",
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "shufflenet_v2_x1_0",
    "efficientnet_b0",
    "resnet50",
    "densenet121",
    "inception_v3",
)
COUNT = 200  # pictures
CALIBRATED = 64  # of them, for BatchNorm
SPREAD = 6.0  # standard deviation of the logits
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def cut_pictures(sources: Path, folder: Path) -> list[Path]:
    """Parts of photographs: 120 to 900 pixels a side, turned, in grey, RGB, RGB and alpha, and with a palette."""
    draws = np.random.default_rng(0)
    files = sorted(sources.glob("*.png"))
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(COUNT):
        image = Image.open(files[index % len(files)]).convert("RGB")
        width, height = (min(int(draws.integers(120, 900)), side) for side in image.size)
        left, top = int(draws.integers(image.width - width + 1)), int(draws.integers(image.height - height + 1))
        image = image.crop((left, top, left + width, top + height))
        if draws.random() < 0.5:
            image = image.transpose(Image.Transpose(int(draws.integers(7))))
        kind = ("RGB", "RGB", "L", "RGBA", "P")[index % 5]
        image.convert(kind).save(folder / f"{index:03}.png")
    return sorted(folder.glob("*.png"))


def prepare(size: int) -> transforms.Compose:
    """torchvision's usual way from a picture to pixels."""
    return transforms.Compose([transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size)])


def build(name: str, tensors: torch.Tensor) -> torch.nn.Module:
    """The model with weights that tell the pictures apart."""
    torch.manual_seed(0)
    options = {"init_weights": True} if name == "inception_v3" else {}
    model = getattr(torchvision.models, name)(weights=None, **options)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches
        norm.reset_running_stats()
        norm.train()
    model.eval()
    for norm in norms:
        norm.train()
    with torch.no_grad():
        model(tensors[:CALIBRATED])
        model.eval()
        logits = torch.cat([model(part) for part in tensors[:CALIBRATED].split(16)])
        kinds = torch.nn.Linear | torch.nn.Conv2d
        heads = [module for module in model.modules() if isinstance(module, kinds) and module.weight.shape[0] == 1000]
        head, mean = heads[-1], logits.mean(0)
        if isinstance(head, torch.nn.Linear):
            scale = SPREAD / (logits - mean).std(0).clamp(min=1e-6)
            head.bias.copy_((head.bias - mean) * scale)
        else:  # a convolution before ReLU and averaging: all classes get the same mean
            scale = SPREAD * 5 / mean.clamp(min=float(mean.quantile(0.1)) + 1e-6)
            head.bias.mul_(scale)
        head.weight.mul_(scale.reshape(-1, *[1] * (head.weight.ndim - 1)))
    return model


def export(model: torch.nn.Module, size: int, path: Path, new: bool) -> None:
    """Write the ONNX file by the older or the newer exporter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.rand(2, 3, size, size)
    if new:
        shapes = ({0: torch.export.Dim("N")},)
        torch.onnx.export(model, (example,), path, input_names=["image"], dynamic_shapes=shapes, dynamo=True)
    else:
        torch.onnx.export(
            model, (example,), path, input_names=["image"], dynamic_axes={"image": {0: "N"}}, dynamo=False
        )


def main(sources: Path, folder: Path, names: list[str]) -> None:
    """Write pictures, torchvision's pixels of them, the models, and the class that each model gives to each picture."""
    pictures = cut_pictures(sources, folder / "pictures")
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    for size in {299 if name == "inception_v3" else 224 for name in names}:
        pixels = [prepare(size)(Image.open(path).convert("RGB")) for path in pictures]
        np.savez_compressed(folder / f"pixels{size}.npz", np.stack([np.asarray(image) for image in pixels]))
    for name in names:
        size = 299 if name == "inception_v3" else 224
        tensors = torch.stack([to_tensor(prepare(size)(Image.open(path).convert("RGB"))) for path in pictures])
        model = build(name, tensors)
        with torch.no_grad():
            rows = torch.cat([model(part).softmax(1) for part in tensors.split(16)])
        expected = {path.name: [int(row.argmax()), float(row.max())] for path, row in zip(pictures, rows, strict=True)}
        for new in (False, True):
            export(model, size, folder / name / ("new" if new else "old") / "model.onnx", new)
        (folder / name / "expected.json").write_text(json.dumps({"size": size, "answers": expected}))
        sys.stdout.write(f"{name}: {len({best for best, _ in expected.values()})} classes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or list(NAMES))
