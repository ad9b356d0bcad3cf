"""Hugging Face's files beside a model: preprocessor_config.json says the pixels, config.json the labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.errors import ModelError
from service.inference.description import Said, deviations, labels_of, numbers

PROCESSOR, CONFIG = "preprocessor_config.json", "config.json"
FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "area"}  # by Pillow's own numbers
UNCROPPED_SIDE = 384  # pixels; from this side on, a processor with a crop_pct stretches
MAX_SIDE = 9999  # pixels
Config = Mapping[str, Any]


def read_processor(folder: Path) -> dict[str, Said]:
    """Range, mean, std, size, resize, filter and channels of preprocessor_config.json.

    Raises:
        ModelError: It makes no sense; the sentence names the file and its key.
    """
    config = _read_json(folder, PROCESSOR)
    if not config:
        return {}
    try:
        values = _read_values(config) | _read_size(config)
    except (TypeError, ValueError, ArithmeticError) as error:  # of a type that no such file has there
        raise ModelError(f"{PROCESSOR} cannot be understood: {error}") from error
    if config.get("do_flip_channel_order"):
        values["channels"] = "bgr"
    return {key: Said(value, PROCESSOR) for key, value in values.items()}


def read_config(folder: Path) -> dict[str, Said]:
    """Labels of config.json.

    Raises:
        ModelError: It has none for some class.
    """
    names = _read_json(folder, CONFIG).get("id2label")
    if names is None:
        return {}
    try:
        labels = labels_of([names[str(index)] for index in range(len(names))])
    except (LookupError, TypeError, ValueError):
        raise ModelError(f"{CONFIG}: id2label must be an object of a label for each class, from 0 on") from None
    return {"labels": Said(labels, f"id2label of {CONFIG}")}


def find_beside(folder: Path, name: str) -> Path | None:
    """The file of that name in the version's folder, or else in the model's above."""
    return next((path for path in (folder / name, folder.parent / name) if path.is_file()), None)


def _read_values(config: Config) -> dict[str, Any]:
    """Range, mean and std: pixels times a factor, less a mean, divided by a deviation."""
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    if not (isinstance(factor, float | int) and factor > 0):
        raise _refuse("rescale_factor", factor, "a number above 0")
    low = -1.0 if config.get("rescale_offset") else 0.0
    values: dict[str, Any] = {"range": (low, low + round(255 * factor, 6))}
    if config.get("do_normalize", "image_mean" in config):
        for key, name, read in (("mean", "image_mean", numbers), ("std", "image_std", deviations)):
            if name in config:
                try:
                    values[key] = read(config[name])
                except (TypeError, ValueError) as error:
                    raise _refuse(name, config[name], str(error)) from None
    return values


def _read_size(config: Config) -> dict[str, Any]:
    """Size, and how pictures come to it: stretched, or the shorter side to a length and then the centre cropped."""
    size, crop, share = config.get("size"), config.get("crop_size"), config.get("crop_pct")
    edge = size.get("shortest_edge") if isinstance(size, dict) else None
    scaled = size if edge is None else edge
    way, asked, shorter = "stretch", scaled, None
    if config.get("do_center_crop"):
        if isinstance(size, dict) and edge is None and crop != size:
            raise _refuse(
                "do_center_crop", True, "false where size has no shortest_edge: no stretched picture is cropped"
            )
        way, asked, shorter = "crop", size if crop is None else crop, scaled
    elif edge is not None and (share is None or edge < UNCROPPED_SIDE):
        way, shorter = "crop", edge if share is None else int(edge / share)
    if asked is None:
        return {}
    values: dict[str, Any] = {"size": _read_sides(asked)}
    if not config.get("do_resize", True):
        return values
    values["resize"] = way
    if "resample" in config:
        if config["resample"] not in FILTERS:
            raise _refuse("resample", config["resample"], "a filter of Pillow, 0 to 4")
        values["filter"] = FILTERS[config["resample"]]
    if shorter is not None:
        values["shorter_side"] = _read_sides(shorter)[0]
    return values


def _read_sides(size: Any) -> tuple[int, int]:
    """Height and width of a number or of an object."""
    height, width = (size.get("height"), size.get("width")) if isinstance(size, dict) else (size, size)
    if not (isinstance(height, int) and isinstance(width, int) and 0 < min(height, width) <= MAX_SIDE):
        raise _refuse("size", size, "pixels")
    return height, width


def _refuse(key: str, value: Any, rule: str) -> ModelError:
    return ModelError(f"{PROCESSOR}: {key} is {value!r}; it must be {rule}")


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    """The object in a file; empty where there is no file."""
    path = find_beside(folder, name)
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{name} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{name} is no JSON object")
    return content
