"""Settings: `SERVICE_*` environment variables, read once when the service starts."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from service.errors import SettingError

logger = logging.getLogger("service")
PREFIX = "SERVICE_"
FORMATS = ("png", "jpeg", "webp")
LIKELY = 0.8  # of difflib's ratio: the same prefix alone makes two thirds
Colour = tuple[int, int, int]


def setting(default: str, parse: Callable[[str], Any]) -> Any:
    """A field whose value is parsed from the variable's text; `parse` raises ValueError with the rule."""
    return field(default_factory=lambda: parse(default), metadata={"default": default, "parse": parse})


def whole_number(lowest: int) -> Callable[[str], int]:
    """Parses a whole number of at least `lowest`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= lowest):
            raise ValueError(f"a whole number of at least {lowest}")
        return int(text)

    return parse


def seconds(lowest: float) -> Callable[[str], float]:
    """Parses seconds, whole or not, of at least `lowest`."""

    def parse(text: str) -> float:
        if not (re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) and float(text) >= lowest):
            raise ValueError(f"seconds such as 0.5, at least {lowest:g}")
        return float(text)

    return parse


def switch(text: str) -> bool:
    """Parses 0 or 1."""
    if text not in ("0", "1"):
        raise ValueError("0 or 1")
    return text == "1"


def one_of(*choices: str) -> Callable[[str], str]:
    """Parses one of the words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return parse


def numbers(text: str) -> tuple[int, ...]:
    """Parses numbers separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError("numbers of GPUs such as 0 or 0,1")
    return tuple(map(int, parts))


def words(text: str) -> tuple[str, ...]:
    """Parses words separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def formats(text: str) -> tuple[str, ...]:
    """Parses names of FORMATS; png, which is always taken, must be among them."""
    chosen = words(text.lower())
    if "png" not in chosen or not set(chosen) <= set(FORMATS):
        raise ValueError(f"png, alone or with others of {','.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in chosen)


def colour(text: str) -> Colour:
    """Parses `#rrggbb` to red, green and blue, 0 to 255."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError("a colour such as #ffffff")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; each field is the variable SERVICE_<FIELD>."""

    models: Path = setting("models", Path)  # folder of <name>/<version>/model.onnx
    poll_s: float = setting("2", seconds(0.0))  # between looks at that folder while it is served; 0 for none
    model_control: str = setting("poll", one_of("poll", "explicit"))  # who says what is loaded: the folder, or /v2
    default_model: str = setting("", str)  # whose page is at /; none: the only model's, or a list
    device: str = setting("auto", one_of("auto", "cpu", "cuda", "tensorrt"))
    gpus: tuple[int, ...] = setting("0", numbers)  # of those that this process sees, the ones to spread workers over
    gpu_memory_bytes: int = setting("0", whole_number(0))  # for each model of each worker; 0 for no limit
    cuda_graphs: bool = setting("1", switch)  # whether each batch size is captured, where the model allows it
    threads: int = setting("0", whole_number(0))  # ONNX Runtime's intra-op threads; 0 shares the cores among workers
    max_batch: int = setting("64", whole_number(1))  # images in one run of the model
    max_wait_s: float = setting("0.1", seconds(0.001))  # for a run, expected; beyond it, and two batches, 503
    deadline_s: float = setting("60", seconds(0.001))  # from a request's head to its answer; a header may shorten it
    max_body_bytes: int = setting("33554432", whole_number(1))  # of one request
    max_held_bytes: int = setting("268435456", whole_number(1))  # of all large bodies under way; others wait
    formats: tuple[str, ...] = setting("png", formats)  # of the pictures that are taken
    max_pixels: int = setting("33554432", whole_number(1))  # width x height of one image
    max_request_pixels: int = setting("67108864", whole_number(1))  # of all images of one request
    max_waiting_pixels: int = setting("671088640", whole_number(1))  # of all large images to decode, beyond them 503
    max_parts: int = setting("256", whole_number(1))  # of one multipart body
    body_timeout_s: int = setting("30", whole_number(1))  # for one whole body to arrive
    api_key: str = setting("", str)  # that requests must bring; none where it is empty
    cors_origins: tuple[str, ...] = setting("", words)  # whose pages may ask, "*" for all
    background: Colour = setting("#ffffff", colour)  # under transparent pixels, unless the model names its own

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read every SERVICE_* variable; one that is no setting is named in a warning.

        Raises:
            SettingError: The value of a variable is not allowed.
        """
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        values: dict[str, Any] = {}
        for variable in sorted(name for name in environment if name.startswith(PREFIX)):
            if variable not in known:
                likely = get_close_matches(variable, known, 1, LIKELY)
                hint = f"did you mean {likely[0]}?" if likely else f"the settings are {', '.join(known)}."
                logger.warning("%s is not a setting; %s", variable, hint)
                continue
            text = environment[variable].strip()
            try:
                values[known[variable].name] = known[variable].metadata["parse"](text)
            except ValueError as error:
                raise SettingError(f"{variable} is {text!r}; it must be {error}.") from None
        return cls(**values)
