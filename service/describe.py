"""`python -m service.describe models/x`: what a model takes and answers, and who says so, without a server."""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("describe: interrupted")

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from service.errors import ModelError, StartupError
from service.inference.description import write_value
from service.inference.device import choose_device
from service.inference.loading import load_one, log_failures
from service.inference.model import Model
from service.inference.repository import FILE, NUMBER, ModelFile, explain_emptiness, find_versions
from service.settings import Settings
from service.triton import write_config

EPILOG = "exit status: 0 it can be served; 2 it cannot, or there is no such model; 130 interrupted"
GAP = 2  # spaces between columns
RESIZED = {
    "fit": "scaled to fit into {size} and padded with the colour of their border",
    "trim": "what differs from plain ground, else the whole, scaled to fit into {size} and padded",
    "stretch": "stretched to {size}",
    "crop": "scaled to cover {size} and cropped to its centre",
}
Row = tuple[str, ...]


def main(arguments: list[str] | None = None) -> int:
    """Print what is known of one model; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service.describe", description=__doc__, epilog=EPILOG)
    parser.add_argument("model", type=Path, metavar="PATH", help="a model's folder, a version's folder or an ONNX file")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print it as JSON, with all labels")
    form.add_argument("--triton", action="store_true", help="print the config.pbtxt by which Triton serves the file")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="describe: %(message)s")  # versions that cannot be served
    try:
        settings = Settings.from_environment()
        model, path = load(find_files(options.model), settings)
        told = write_config(model, settings.max_batch) if options.triton else as_text(model, path)
    except (StartupError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"describe: {options.model}: {reason}", file=sys.stderr)
        return 2
    print(json.dumps(as_json(model, path), ensure_ascii=False, indent=2) if options.json else told)
    return 0


def find_files(path: Path) -> list[ModelFile]:
    """The versions that a path means, the highest first: all of a model's folder, or the only one.

    Raises:
        ModelError: There is none.
    """
    if path.is_dir() and not (path / FILE).is_file():
        files = find_versions(path.resolve())
        if not files:
            raise ModelError(explain_emptiness(path))
        return [file._replace(path=path / str(file.version) / FILE) for file in files]
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        raise ModelError("there is no such file or folder")
    folder = file.resolve().parent
    if NUMBER.fullmatch(folder.name):
        return [ModelFile(folder.parent.name, int(folder.name), file)]
    return [ModelFile(file.stem, 0, file)]


def load(files: Sequence[ModelFile], settings: Settings) -> tuple[Model, Path]:
    """The first of a name's versions that can be served, loaded on the CPU, and its file.

    Raises:
        StartupError: There is none, or a setting makes no sense.
    """
    settings = replace(settings, device="cpu")
    attempt = load_one(files, choose_device(settings), settings)
    if attempt.model is None:
        raise ModelError(attempt.failures[0].sentence)
    log_failures(attempt)
    return attempt.model, files[len(attempt.failures)].path


def as_text(model: Model, path: Path) -> str:
    """Aligned lines: what the model does, then every key with its value and its source."""
    keys = [("key", "value", "source")]
    keys += [(key, write_value(key, said.value), said.source) for key, said in model.description.rows]
    return "\n".join([*align(list(summarize(model, path))), "", *align(keys)])


def as_json(model: Model, path: Path) -> dict[str, Any]:
    """The same for programs: values are numbers and lists where they are no words, and an open side is null."""
    tensor = model.input
    return {
        "name": model.name,
        "version": model.version,
        "file": str(path),
        "input": {
            "name": tensor.name,
            "dtype": tensor.dtype.name,
            "layout": tensor.layout,
            "shape": [None if side < 0 else side for side in tensor.whole_shape],
            "scale": tensor.scale,
            "offset": tensor.offset,
        },
        "output": {"name": model.output_name, "classes": model.classes},
        "one_by_one": model.obstacle or None,
        "keys": {key: {"value": said.value, "source": said.source} for key, said in model.description.rows},
    }


def summarize(model: Model, path: Path) -> Iterator[tuple[str, str]]:
    """What the model takes and answers, one aspect a line."""
    version = f", version {model.version}" if model.version else ""
    yield "model", f"{model.title}{version}: {path}"
    axes = ", ".join(_write_side(side) for side in model.input.whole_shape)
    yield "input", f"{model.input.name!r}: {model.input.dtype.name} ({axes}), {model.input.layout}"
    yield "pictures", write_preparation(model)
    yield "pixels", write_values(model)
    yield "output", f"{model.output_name!r}: {model.classes} classes, activation {model.description.get('activation')}"
    yield "batches", f"one by one, because {model.obstacle}" if model.obstacle else "images share a run"
    yield "labels", write_value("labels", model.labels)


def write_preparation(model: Model) -> str:
    """What is done to a decoded picture, in its order."""
    said, order = model.description, model.input.order
    steps = [] if order == "rgba" else [f"on {write_value('background', model.background)} where transparent"]
    if model.input.open:
        steps.append("of their own size")
    else:
        way, size, shorter = said.get("resize"), f"{model.input.height}x{model.input.width}", said.get("shorter_side")
        if way == "crop" and shorter:
            steps.append(f"shorter side scaled to {shorter}, cropped to the centre {size}")
        else:
            steps.append(RESIZED[way].format(size=size))
            if margin := said.get("margin"):
                steps.append(f"{margin:g} of it free at each side")
        steps.append(f"filter {said.get('filter') or 'of the service'}")
    return "; ".join([*steps, order])


def write_values(model: Model) -> str:
    """What black and white are to the model, in the order of its channels where they differ."""
    ends = []
    for pixel in (0, 255):
        pairs = zip(model.input.scale, model.input.offset, strict=True)
        ends.append(", ".join(f"{pixel * scale + offset:.4g}" for scale, offset in pairs))
    return f"0 becomes {ends[0]}; 255 becomes {ends[1]}"


def align(rows: Sequence[Row]) -> list[str]:
    """Lines of columns that are as wide as they must be."""
    widths = [max(map(len, column)) + GAP for column in zip(*rows, strict=True)]
    return ["".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _write_side(side: int) -> str:
    return "any" if side < 0 else str(side)


if __name__ == "__main__":
    sys.exit(main())
