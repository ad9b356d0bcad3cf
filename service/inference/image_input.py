"""What a model's input takes: layout, size, channels and values, from its shape and from what is said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from service.errors import ModelError
from service.inference.description import DEFAULT, GUESSED, PREFIX, SHAPE, Description
from service.inference.layout import Axis, find_layout, is_size
from service.inference.session import Declared

INTERNAL = "upload_and_classify/"  # of every name that is added to a model's graph, so that none of its own is taken
PIXELS = INTERNAL + "pixels"  # the input that takes decoded pixels, where the model's own does not
DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(bfloat16)": np.dtype(ml_dtypes.bfloat16),
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
}
DEPTHS = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}
BY_DEPTH = {1: "gray", 3: "rgb", 4: "rgba"}
LARGE_MEAN = 2.0  # above it, a mean is one of pixels of 0 to 255
LEAST_LEVELS = 16  # that an integer must have between black and white
LEAST_SQUARE = 8  # pixels; a smaller square in a row of numbers is hardly a picture


@dataclass(frozen=True, slots=True)
class ImageTensor:
    """The image input of a model. Value of pixel p of a channel: p * scale + offset."""

    name: str
    dtype: np.dtype[Any]
    layout: str  # NHWC, NCHW, NHW, HWC, CHW or NC
    height: int  # pixels; 0 where the model takes a picture's own
    width: int  # pixels; 0 as above
    order: str  # gray, rgb, bgr or rgba
    batch: int | None  # the only batch size of the model, or None for any
    scale: tuple[float, ...] = (1.0,)  # one, or one for each channel in their order
    offset: tuple[float, ...] = (0.0,)  # as above

    @property
    def channels(self) -> int:
        """1 grey, 3 colour, 4 with alpha."""
        return DEPTHS[self.order]

    @property
    def open(self) -> bool:
        """Whether pictures keep their own size."""
        return not self.height

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image as the model takes it; -1 is an open side."""
        if self.layout == "NC":
            return (self.height * self.width * self.channels,)
        sizes = {"H": self.height or -1, "W": self.width or -1, "C": self.channels}
        return tuple(sizes[axis] for axis in self.layout if axis != "N")

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Shape of the model's input, with the batch where it has one; -1 is an open side."""
        return ((self.batch or -1), *self.shape) if "N" in self.layout else self.shape

    @property
    def keeps_values(self) -> bool:
        """Whether a pixel's value is the model's."""
        return set(self.scale) == {1.0} and set(self.offset) == {0.0}

    @property
    def takes_pixels(self) -> bool:
        """Whether decoded pixels (N, H, W, C) uint8 are what the model takes."""
        return self.dtype == np.uint8 and self.layout == "NHWC" and self.order != "bgr" and self.keeps_values


def read_image_tensor(declared: Declared, description: Description) -> ImageTensor:
    """The image input from what the file declares and from what is said of it.

    Without a word, integers are 0 to 255, of int8 less 128, and floating point is 0 to 1. What is taken for granted is
    noted in the description.

    Raises:
        ModelError: It is no picture, or something must be said of it first; the sentence has the question.
    """
    name, dtype, shape = declared
    if dtype not in DTYPES:
        raise ModelError(f"input {name!r} has the type {dtype}; an image input is one of {', '.join(DTYPES)}")
    layout = find_layout(name, shape, DEPTHS.get(description.get("channels")), description)
    sizes = dict(zip(layout, shape, strict=True))
    if layout == "NC":
        depth = DEPTHS[description.settle("channels", "gray")]
        height, width = _find_flat_size(declared, depth, description)
    else:
        depth = _find_depth(declared, sizes.get("C", 1), description)
        height, width = _find_size(declared, sizes["H"], sizes["W"], description)
    _check_resize(height, width, description)
    batch = sizes.get("N", 1)
    scale, offset = _find_values(DTYPES[dtype], depth, description)
    return ImageTensor(
        name,
        DTYPES[dtype],
        layout,
        height,
        width,
        description.settle("channels", BY_DEPTH[depth], SHAPE),
        batch if is_size(batch) else None,
        scale,
        offset,
    )


def _find_depth(declared: Declared, axis: Axis, description: Description) -> int:
    """Number of channels; where the shape leaves it open, by what is said of them or of their mean."""
    if is_size(axis):
        return axis
    spoken = description.get("channels")
    if spoken is not None:
        return DEPTHS[spoken]
    for key in ("mean", "std"):
        count = len(description.get(key) or ())
        if count > 1 and count in BY_DEPTH:
            description.settle("channels", BY_DEPTH[count], f"{GUESSED} from {key}")
            return count
    raise ModelError(
        f"input {declared.name!r} has shape {list(declared.shape)}; how many channels has it? "
        f"Say {PREFIX}channels: gray, rgb, bgr or rgba"
    )


def _find_size(declared: Declared, height: Axis, width: Axis, description: Description) -> tuple[int, int]:
    """Height and width, (0, 0) where pictures keep their own."""
    asked = description.get("size")
    if asked is not None:
        if any(is_size(axis) and axis != side for axis, side in zip((height, width), asked, strict=True)):
            raise ModelError(
                f"{description.source('size')} is the size {asked[0]}x{asked[1]}, and input {declared.name!r} "
                f"has shape {list(declared.shape)}"
            )
        return int(asked[0]), int(asked[1])
    if is_size(height) and is_size(width):
        return description.settle("size", (height, width), SHAPE)  # type: ignore[no-any-return]
    if is_size(height) or is_size(width):
        raise ModelError(
            f"input {declared.name!r} has shape {list(declared.shape)}, of which one side is open; "
            f"say {PREFIX}size, such as {height if is_size(height) else 48}x{width if is_size(width) else 192}"
        )
    description.settle("size", (0, 0), f"{GUESSED}: the shape is open")
    return 0, 0


def _find_flat_size(declared: Declared, depth: int, description: Description) -> tuple[int, int]:
    """Height and width of a picture that is one row of numbers: what is said, else a square."""
    length, asked = declared.shape[1], description.get("size")
    if asked is not None:
        if is_size(length) and length != asked[0] * asked[1] * depth:
            raise ModelError(
                f"{description.source('size')} is the size {asked[0]}x{asked[1]}, and input {declared.name!r} "
                f"has {length} numbers"
            )
        return int(asked[0]), int(asked[1])
    side = math.isqrt(length // depth) if is_size(length) else 0
    if side < LEAST_SQUARE or side * side * depth != length:
        raise ModelError(
            f"input {declared.name!r} has shape {list(declared.shape)}, which is no square picture; "
            f"of which size is it? Say {PREFIX}size, such as 28x28"
        )
    return description.settle("size", (side, side), f"{GUESSED}: a square")  # type: ignore[no-any-return]


def _check_resize(height: int, width: int, description: Description) -> None:
    """That a margin is one of what is trimmed.

    And that a shorter side is one of what is cropped, and covers the size; others' are left alone where we fit.
    """
    if description.get("margin") is not None and description.get("resize") != "trim":
        raise ModelError(f"{description.source('margin')} is said, and {PREFIX}resize is not trim")
    shorter, crops = description.get("shorter_side"), description.get("resize") == "crop"
    if shorter is None:
        return
    source = description.source("shorter_side")
    if not crops and source.startswith(PREFIX):
        raise ModelError(f"{source} is said, and {PREFIX}resize is not crop")
    if crops and shorter < max(height, width):
        raise ModelError(f"{source} is a shorter_side of {shorter}, which does not cover {height}x{width}")


def _find_values(
    dtype: np.dtype[Any], depth: int, description: Description
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scale and offset of pixels, one for each channel or one for all."""
    whole = dtype.kind in "iu"
    mean, std = description.get("mean"), description.get("std")
    if description.get("range") is None and mean is None and dtype == np.int8:
        mean = description.settle("mean", (128.0,), f"{GUESSED}: int8 holds no 255")
    if whole:
        low, high = description.settle("range", (0.0, 255.0))
    elif mean is not None and max(mean) > LARGE_MEAN:
        low, high = description.settle("range", (0.0, 255.0), f"{GUESSED} from the mean")
    else:
        low, high = description.settle("range", (0.0, 1.0), f"{GUESSED}: {dtype.name}")
    for key, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) not in (1, depth):
            raise ModelError(
                f"{description.source(key)} has a {key} of {len(values)} numbers; the model has {depth} channels"
            )
    count = max(len(mean or ()), len(std or ()), 1)
    means, deviations = np.broadcast_to(mean or 0.0, count), np.broadcast_to(std or 1.0, count)
    scale, offset = (high - low) / 255 / deviations, (low - means) / deviations
    if whole:
        _check_integers(dtype, offset, scale * 255 + offset, description)
    return tuple(scale.tolist()), tuple(offset.tolist())


def _check_integers(dtype: np.dtype[Any], black: np.ndarray, white: np.ndarray, description: Description) -> None:
    limits = np.iinfo(dtype)
    if black.min() < limits.min or white.max() > limits.max or (white - black).min() < LEAST_LEVELS:
        keys = [key for key in ("range", "mean", "std") if description.get(key) is not None]
        sources = sorted({description.source(key) for key in keys} - {DEFAULT})
        raise ModelError(
            f"pixels are {black.min():g} to {white.max():g} by the range, mean and std of {', '.join(sources)},"
            f" and the input is {dtype.name}, {limits.min} to {limits.max}"
        )
