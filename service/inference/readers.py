"""Everybody's way to describe a model, read into the keys of description.py; who comes first counts.

    our own metadata → ONNX's Image.* → Ultralytics' metadata → Hugging Face's files → labels.txt

Files lie beside the model, in its version's folder, or else in the model's folder above.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from service.errors import ModelError
from service.inference.description import (
    KEYS,
    PREFIX,
    Description,
    Label,
    Said,
    labels_of,
    parse,
    refuse_unknown,
    shorten,
)
from service.inference.hugging_face import CONFIG, PROCESSOR, find_beside, read_config, read_processor

Metadata = Mapping[str, str]
Found = dict[str, Said]
# ONNX, docs/MetadataProps.md.
PIXEL_RANGE, PIXEL_FORMAT = "Image.NominalPixelRange", "Image.BitmapPixelFormat"
PIXEL_RANGES = {
    "NominalRange_0_255": (0.0, 255.0),
    "Normalized_0_1": (0.0, 1.0),
    "Normalized_1_1": (-1.0, 1.0),
    "NominalRange_16_235": (16.0, 235.0),
}
PIXEL_FORMATS = {"Gray8": "gray", "Rgb8": "rgb", "Bgr8": "bgr", "Rgba8": "rgba", "Bgra8": "bgr"}
LABELS = "labels.txt"
COMPANIONS = (PROCESSOR, CONFIG, LABELS)  # files that describe a model, in its folder or in a version's


def read_description(metadata: Metadata, folder: Path) -> Description:
    """What is said of a model by the metadata of its file and by the files in its folder.

    Raises:
        ModelError: A description makes no sense; the sentence names it.
    """
    description = Description()
    description.add(_read_own(metadata))
    description.add(_read_onnx(metadata))
    description.add(_read_ultralytics(metadata))
    description.add(read_processor(folder))
    description.add(read_config(folder))
    description.add(_read_labels(folder))
    return description


def _read_own(metadata: Metadata) -> Found:
    refuse_unknown(metadata)
    return {key: parse(key, metadata[PREFIX + key], PREFIX + key) for key in KEYS if PREFIX + key in metadata}


def _read_onnx(metadata: Metadata) -> Found:
    found = {}
    for key, name, values in (("range", PIXEL_RANGE, PIXEL_RANGES), ("channels", PIXEL_FORMAT, PIXEL_FORMATS)):
        if name in metadata:
            if metadata[name] not in values:
                allowed = ", ".join(values)
                raise ModelError(f"metadata {name} is {shorten(metadata[name])!r}; it must be one of {allowed}")
            found[key] = Said(values[metadata[name]], name)
    return found


def _read_ultralytics(metadata: Metadata) -> Found:
    """Of a file that Ultralytics' exporter wrote; `names` alone is read from anybody's."""
    found = {}
    task = metadata.get("task", "classify")
    if task != "classify":
        raise ModelError(f"metadata task is {shorten(task)!r}; only models that classify are served")
    if "names" in metadata:
        found["labels"] = Said(_read_names(metadata["names"]), "metadata names")
    if "task" in metadata or "imgsz" in metadata:
        found["resize"], found["filter"] = Said("crop", "Ultralytics"), Said("bilinear", "Ultralytics")
    if "imgsz" in metadata:
        found["size"] = Said(_read_imgsz(metadata["imgsz"]), "metadata imgsz")
    if metadata.get("channels") in ("1", "3"):
        found["channels"] = Said("gray" if metadata["channels"] == "1" else "rgb", "metadata channels")
    return found


def _read_names(text: str) -> list[Label]:
    """Labels of `{0: 'cat', 1: 'dog'}` or `['cat', 'dog']`, Python's literals."""
    try:
        names = ast.literal_eval(text)
        return labels_of([names[index] for index in range(len(names))])
    except (ValueError, SyntaxError, LookupError, TypeError, RecursionError, MemoryError):
        raise ModelError(
            f"metadata 'names' is {shorten(text)!r}; it must be a label for each class: {{0: 'cat', 1: 'dog'}}"
        ) from None


def _read_imgsz(text: str) -> tuple[int, int]:
    """Height and width of `[224, 224]` or `224`."""
    try:
        size = ast.literal_eval(text)
        height, width = (size, size) if isinstance(size, int) else size
        return parse("size", f"{height}x{width}", "imgsz").value  # type: ignore[no-any-return]
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, ModelError):
        raise ModelError(f"metadata imgsz is {shorten(text)!r}; it must be a size such as [224, 224]") from None


def _read_labels(folder: Path) -> Found:
    """Labels of a text file, one a line."""
    path = find_beside(folder, LABELS)
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ModelError(f"{LABELS} cannot be read as UTF-8: {error}") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return {"labels": Said([line.strip() for line in lines], LABELS)}
