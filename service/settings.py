"""Settings: `SERVICE_*` environment variables, read once when the service starts."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from service.errors import SettingError

logger = logging.getLogger("uvicorn.error")

DEVICES = ("auto", "cpu", "cuda", "tensorrt")
BOUNDS = {"threads": (0, None), "gpu_memory_bytes": (0, None), "cuda_graphs": (0, 1)}  # of whole numbers, else from 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; each field is the variable SERVICE_<FIELD>."""

    models: Path = Path("models")  # folder of <name>/<version>/model.onnx
    device: str = "auto"  # one of DEVICES
    gpus: str = "0"  # of those that this process sees, the ones to spread workers over: "0,1,2,3"
    gpu_memory_bytes: int = 0  # of GPU memory for each model of each worker; 0 for no limit
    cuda_graphs: int = 1  # 1 captures each batch size as a CUDA graph where the model allows it
    threads: int = 0  # ONNX Runtime's intra-op threads; 0 shares this process's cores among the workers
    max_batch: int = 64  # images in one run of the model
    max_queue: int = 1024  # images waiting for a run, beyond them 503
    max_body_bytes: int = 32 * 1024 * 1024  # of one request
    max_held_bytes: int = 256 * 1024 * 1024  # of all large bodies that are being received or decoded, beyond them 503
    max_pixels: int = 32 * 1024 * 1024  # width x height of one image
    max_parts: int = 256  # of one multipart body
    body_timeout_s: int = 30  # for one whole body to arrive
    samples: Path = Path("imgs")  # folder of PNGs that the page offers to try; it need not exist
    background: str = "#ffffff"  # under transparent pixels, unless the model names its own

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read every SERVICE_* variable; one that is no setting is named in a warning.

        Raises:
            SettingError: The value of a variable is not allowed.
        """
        known = {f"SERVICE_{field.name.upper()}": field for field in fields(cls)}
        values: dict[str, object] = {}
        for variable in sorted(name for name in environment if name.startswith("SERVICE_")):
            if variable not in known:
                logger.warning("%s is not a setting; the settings are %s.", variable, ", ".join(known))
                continue
            field, text = known[variable], environment[variable].strip()
            values[field.name] = _whole_number(field.name, text) if field.type == "int" else text
        for name in ("models", "samples"):
            if name in values:
                values[name] = Path(str(values[name]))
        settings = cls(**values)  # type: ignore[arg-type]  # each value was made for its field
        if settings.device not in DEVICES:
            raise SettingError(f"SERVICE_DEVICE is {settings.device!r}; it must be one of {', '.join(DEVICES)}.")
        parse_colour(settings.background, "SERVICE_BACKGROUND")
        if not all(index.strip().isdecimal() for index in settings.gpus.split(",")):
            raise SettingError(f"SERVICE_GPUS is {settings.gpus!r}; it must be numbers of GPUs such as 0 or 0,1.")
        return settings

    @property
    def gpu_list(self) -> list[int]:
        """The numbers of SERVICE_GPUS."""
        return [int(index) for index in self.gpus.split(",")]


def parse_colour(text: str, source: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of `#rrggbb`; `source` is named in the error."""
    digits = text.removeprefix("#")
    try:
        if len(digits) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise SettingError(f"{source} is {text!r}; it must be a colour such as #ffffff.") from None
    return red, green, blue


def _whole_number(name: str, text: str) -> int:
    lowest, highest = BOUNDS.get(name, (1, None))
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if number < lowest or (highest is not None and number > highest):
        rule = f"a whole number of at least {lowest}" if highest is None else f"{lowest} or {highest}"
        raise SettingError(f"SERVICE_{name.upper()} is {text!r}; it must be {rule}.")
    return number
