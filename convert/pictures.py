"""How pictures become the numbers that a Keras model was trained on: what is written into the file, and a reference.

The keys are the service's own (service.inference.description). The reference is plain arithmetic, as in Keras's
`preprocess_input`, and shares nothing with the graph that the service computes the same numbers with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.errors import SourceError
from convert.images import Images, ImageShape
from service.errors import ModelError
from service.images.preprocessing import Target, fit
from service.inference.description import KEYS, Description, parse
from service.inference.image_input import BY_DEPTH, DEPTHS, read_image_tensor
from service.inference.presets import combine, crops, keys_for_size
from service.inference.session import Declared
from service.settings import Settings

RAW = "0..255"  # without a word: a model that scales its pixels itself
TYPES = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}


@dataclass(frozen=True)
class Pictures:
    """What a model takes, and how a picture becomes that."""

    keys: Mapping[str, str]  # that are written into the file
    target: Target
    dtype: str  # "uint8" or "float32"
    order: str  # gray, rgb, bgr or rgba
    range: tuple[float, float]  # what 0 and 255 are to the model, before mean and deviation
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def plain(self) -> bool:
        """Whether the range is all that there is to the numbers."""
        return set(self.mean) == {0.0} and set(self.std) == {1.0}

    def fit(self, pixels: Images) -> Images:
        """Pixels (height, width, channels) of a picture (H, W, 1, 3 or 4), as the service fits it."""
        return fit(pixels, self.target)

    def compute(self, images: Images) -> NDArray[np.uint8] | NDArray[np.float32]:
        """The numbers that the model takes for pixels (n, height, width, channels) of grey, RGB or RGBA."""
        if self.order == "bgr":
            images = images[..., ::-1]
        if self.dtype == "uint8":
            return np.ascontiguousarray(images)
        low, high = self.range
        values = images.astype(np.float64) / 255 * (high - low) + low
        return ((values - self.mean) / self.std).astype(np.float32)

    def __str__(self) -> str:
        text = f"pixels {self.keys.get('range', RAW)}"
        if not self.plain:
            text += f" less {self.keys.get('mean', '0')} by {self.keys.get('std', '1')}"
        return f"{text}, blue first" if self.order == "bgr" else text


def read_pictures(
    path: Path, shape: ImageShape, dtype: str, preset: str = "", keys: Mapping[str, str] | None = None
) -> Pictures:
    """What is asked for, for a model of images (height, width, channels).

    Raises SourceError when it does not fit the model.
    """
    asked = keys or {}
    said = _say(path, shape, preset, asked)
    try:
        description = Description()
        description.add({key: parse(key, text, _name(key, asked, preset)) for key, text in said.items()})
        pictures = _plan(description, said, shape, dtype)
        if dtype == "uint8" and not (pictures.plain and pictures.range == (0.0, 255.0)):
            raise SourceError(
                f"{path} takes uint8 pixels as they are, 0..255, not {pictures}; "
                "leave out --range, --mean, --std and every --preset but raw."
            )
        read_image_tensor(Declared("image", TYPES[dtype], ["N", *shape]), description)  # the service's own checks
    except ModelError as err:
        raise SourceError(f"{path}: {err}.") from err
    return pictures


def _say(path: Path, shape: ImageShape, preset: str, asked: Mapping[str, str]) -> dict[str, str]:
    # The keys to write.
    said = combine(preset, asked)
    if "channels" in said and DEPTHS[said["channels"]] != shape[2]:
        raise SourceError(
            f"{path} takes {shape[2]} channels, and {_name('channels', asked, preset)} is of {said['channels']}; "
            f"say --channels {BY_DEPTH[shape[2]]}, and a --mean and --std of one number."
        )
    if crops(preset, said):
        said = {**keys_for_size(preset, shape[:2]), **said}
    if "range" not in said and ("mean" in said or "std" in said):
        raise SourceError(
            "--mean and --std count from a range; say which with --range: "
            "0..1 for a mean such as 0.485, 0..255 for one such as 123.68."
        )
    for key, way, done in (("shorter_side", "crop", "cropped"), ("margin", "trim", "trimmed")):
        if key in said and said["resize"] != way:
            option = key.replace("_", "-")
            raise SourceError(
                f"--{option} is of pictures that are {done}, and --resize is {said['resize']}; leave one of them out."
            )
    if shape[0] in BY_DEPTH:  # so few rows could be channels
        said["layout"] = "NHWC"
    return said


def _name(key: str, asked: Mapping[str, str], preset: str) -> str:
    # Who says it, as the user knows it.
    return f"--{key.replace('_', '-')}" if key in asked or not preset else f"--preset {preset}"


def _plan(description: Description, said: Mapping[str, str], shape: ImageShape, dtype: str) -> Pictures:
    height, width, channels = shape
    background = description.settle("background", Settings().background)
    resize = description.settle("resize", "fit")
    return Pictures(
        said,
        Target.plan(
            (height, width),
            channels,
            background,
            resize,
            *(description.get(key) for key in ("filter", "shorter_side", "margin")),
        ),
        dtype,
        description.settle("channels", BY_DEPTH[channels]),
        description.settle("range", KEYS["range"](RAW)),
        description.get("mean") or (0.0,),
        description.get("std") or (1.0,),
    )
