"""What is known of a model's pictures and answers: the one table of keys, and where each value is from.

An ONNX file says them in its metadata as `upload_and_classify.<key>`; other people's files are read into the same keys
by readers.py. Values are (low, high) for a range, numbers in the order of the model's channels for mean and std,
(height, width) in pixels for a size, labels in the order of the classes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from service.errors import ModelError
from service.settings import colour, one_of

PREFIX = "upload_and_classify."
RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}  # what black and white are to a model
MAX_MARGIN = 0.4  # of the size at each side: a fifth of it is left
LIKELY = 0.6  # of difflib's ratio, for "did you mean"
MAX_SHOWN = 60  # characters of a value in a sentence
DEFAULT, SHAPE, GUESSED = "default", "the shape", "guessed"  # sources, beside files and keys
Label = int | str


class Said(NamedTuple):
    """A value, and who says it."""

    value: Any
    source: str


def numbers(values: Iterable[Any]) -> tuple[float, ...]:
    """1 to 4 finite numbers; ValueError with the rule otherwise."""
    rule = "one number, or one for each channel, such as 0.485,0.456,0.406"
    try:
        read = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise ValueError(rule) from None
    if not (1 <= len(read) <= 4 and all(map(math.isfinite, read))):
        raise ValueError(rule)
    return read


def deviations(values: Iterable[Any]) -> tuple[float, ...]:
    """As `numbers`, above 0."""
    read = numbers(values)
    if min(read) <= 0:
        raise ValueError("one number above 0, or one for each channel, such as 0.229,0.224,0.225")
    return read


def _range(text: str) -> tuple[float, float]:
    one_of(*RANGES)(text)
    return RANGES[text]


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?", text, re.ASCII)
    if not found:
        raise ValueError("the side of a square such as 224, or height x width such as 48x192")
    return int(found[1]), int(found[2] or found[1])


def _pixels(text: str) -> int:
    return _size(text)[0] if text.isdecimal() else _size("")[0]


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= MAX_MARGIN:
        raise ValueError(f"a share of the size from 0 to {MAX_MARGIN}, such as 0.14")
    return share


def labels_of(values: Any) -> list[Label]:
    """A list of text or whole numbers, as it is; ValueError with the rule otherwise."""
    if not (isinstance(values, list) and all(type(each) in (int, str) for each in values)):
        raise ValueError('a JSON list with a label for each class, such as ["cat", "dog"]')
    return values


def _labels(text: str) -> list[Label]:
    try:
        return labels_of(json.loads(text))
    except (json.JSONDecodeError, RecursionError):
        return labels_of(None)


# The table. Each parser raises ValueError with the rule; docs/models.md has the same rows with examples.
KEYS: dict[str, Callable[[str], Any]] = {
    "range": _range,  # what a pixel of 0 and one of 255 are to the model, before mean and std
    "mean": lambda text: numbers(text.split(",")),  # subtracted from that
    "std": lambda text: deviations(text.split(",")),  # … and then divided by
    "channels": one_of("gray", "rgb", "bgr", "rgba"),
    "layout": one_of("NHWC", "NCHW", "NHW", "HWC", "CHW", "NC"),  # what the axes of the input are; NC is a flat picture
    "size": _size,  # where the input leaves it open
    # Inside and padded; what differs from plain ground inside and padded; proportions lost; covered, the centre taken.
    "resize": one_of("fit", "trim", "stretch", "crop"),
    "shorter_side": _pixels,  # of the picture before it is cropped
    "margin": _share,  # of each side, around what is trimmed
    "filter": one_of("area", "bilinear", "bicubic", "lanczos", "nearest"),
    "background": colour,  # under transparent pixels
    "labels": _labels,
    "title": str,
    "question": str,  # that its answers answer
    "output": str,  # the name of the one that is meant
    "activation": one_of("softmax", "sigmoid", "none"),  # what makes probabilities of the output's numbers
}


class Description:
    """What is known of one model; who speaks first counts."""

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}

    def add(self, said: Mapping[str, Said]) -> None:
        """What the next source says; its mean and std belong to its own range, and only count with that."""
        known, range_ = self._said.get("range"), said.get("range")
        foreign = known is not None and range_ is not None and known.value != range_.value
        for key, each in said.items():
            if not (foreign and key in ("mean", "std")):
                self._said.setdefault(key, each)

    def get(self, key: str) -> Any:
        """The value of a key, None where nobody says it."""
        said = self._said.get(key)
        return None if said is None else said.value

    def source(self, key: str) -> str:
        """Who says it."""
        return self._said[key].source

    def settle(self, key: str, value: Any, source: str = DEFAULT) -> Any:
        """The value of a key; where nobody says it, this one, which is noted."""
        return self._said.setdefault(key, Said(value, source)).value

    def find_labels(self, classes: int) -> list[Label]:
        """A label for each class: the index, where nobody says any.

        Raises:
            ModelError: There are more or fewer.
        """
        labels: list[Label] = self.settle("labels", list(range(classes)))
        if len(labels) != classes:
            raise ModelError(f"{self.source('labels')} has {len(labels)} labels; the model has {classes} classes")
        return labels

    @property
    def rows(self) -> list[tuple[str, Said]]:
        """Each key with its value and who says it, in the order of the table."""
        return sorted(self._said.items(), key=lambda item: list(KEYS).index(item[0]))

    @property
    def provenance(self) -> dict[str, str]:
        """For each key its value and, in brackets, who says it."""
        return {key: f"{write_value(key, said.value)} ({said.source})" for key, said in self.rows}

    @property
    def taken(self) -> str:
        """The same in a line, without what goes without saying."""
        told = (
            f"{key} {text}" for key, text in self.provenance.items() if self._said[key].source not in (DEFAULT, SHAPE)
        )
        return ", ".join(told)


def parse(key: str, text: str, source: str) -> Said:
    """The value of a key of the table, from its text.

    Raises:
        ModelError: It is none; the sentence has the rule.
    """
    try:
        return Said(KEYS[key](text.strip()), source)
    except ValueError as error:
        raise ModelError(f"metadata {source} is {shorten(text)!r}; it must be {error}") from None


def refuse_unknown(metadata: Mapping[str, str]) -> None:
    """Look for keys with our prefix that are not in the table.

    Raises:
        ModelError: There is one; the sentence has what may have been meant.
    """
    for name in metadata:
        key = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and key not in KEYS:
            likely = get_close_matches(key, KEYS, 1, LIKELY)
            hint = f"did you mean {PREFIX}{likely[0]}?" if likely else f"the keys are {', '.join(KEYS)}"
            raise ModelError(f"metadata {name} is not known; {hint}")


def shorten(text: str) -> str:
    """The text, or as much of it as a sentence should have."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def write_value(key: str, value: Any) -> str:
    """A value as the table has it, but labels shortened."""
    match key:
        case "range":
            return "..".join(f"{each:.6g}" for each in value)
        case "mean" | "std":
            return ",".join(f"{each:.6g}" for each in value)
        case "size":
            return f"{value[0]}x{value[1]}" if value != (0, 0) else "the picture's own"
        case "background":
            return "#" + bytes(value).hex()
        case "labels":
            return shorten(f"{len(value)}: {', '.join(map(str, value[:10]))}")
        case _:
            return str(value)
