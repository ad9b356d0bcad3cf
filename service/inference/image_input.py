"""What a model's ONNX input says about images: size, channels, layout, dtype and range of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.errors import ModelError

PREFIX = "upload_and_classify/"  # of every name that is added to a model's graph, so that none of its own is taken
PIXELS = PREFIX + "pixels"  # the input that takes decoded pixels, where the model's own does not
DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
}
# ONNX metadata, docs/MetadataProps.md: what the darkest and the lightest pixel are to the model.
PIXEL_RANGE = "Image.NominalPixelRange"
PIXEL_RANGES = {
    "NominalRange_0_255": (0.0, 255.0),
    "Normalized_0_1": (0.0, 1.0),
    "Normalized_1_1": (-1.0, 1.0),
    "NominalRange_16_235": (16.0, 235.0),
}
PIXEL_FORMAT = "Image.BitmapPixelFormat"
BLUE_FIRST = ("Bgr8", "Bgra8")


@dataclass(frozen=True, slots=True)
class ImageTensor:
    """The image input of a model."""

    name: str
    dtype: np.dtype[Any]
    layout: str  # NHWC, NCHW or NHW
    height: int  # pixels
    width: int  # pixels
    channels: int  # 1 grey, 3 colour
    batch: int | None  # the only batch size of the model, or None for any
    low: float = 0.0  # what pixel 0 is to the model
    high: float = 255.0  # what pixel 255 is to the model
    blue_first: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image as the model takes it."""
        sizes = {"H": self.height, "W": self.width, "C": self.channels}
        return tuple(sizes[axis] for axis in self.layout[1:])

    @property
    def takes_pixels(self) -> bool:
        """Whether decoded pixels (N, H, W, C) uint8 are what the model takes."""
        return self.dtype == np.uint8 and self.layout == "NHWC" and not self.blue_first


def read_image_tensor(
    name: str, dtype: str, shape: Sequence[int | str | None], metadata: Mapping[str, str]
) -> ImageTensor:
    """The image input from the name, ONNX type, shape (a string or None is a dynamic dimension) and metadata.

    Integer pixels are 0 to 255 and floats 0 to 1, unless the metadata says otherwise.

    Raises:
        ModelError: It is not an image of a fixed size with 1 or 3 channels in a known dtype.
    """
    if dtype not in DTYPES:
        raise ModelError(f"input {name!r} is {dtype}; an image input is one of {', '.join(DTYPES)}")
    if len(shape) == 3:
        layout, sizes = "NHW", (shape[1], shape[2], 1)
    elif len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3):
        layout, sizes = "NHWC", (shape[1], shape[2], shape[3])
    elif len(shape) == 4 and shape[1] in (1, 3):
        layout, sizes = "NCHW", (shape[2], shape[3], shape[1])
    else:
        raise ModelError(
            f"input {name!r} has shape {list(shape)}; an image input is (N, height, width, channels),"
            " (N, channels, height, width) or (N, height, width) with 1 or 3 channels"
        )
    height, width, channels = sizes
    if not (isinstance(height, int) and isinstance(width, int) and isinstance(channels, int) and height > 0 < width):
        raise ModelError(
            f"input {name!r} has shape {list(shape)}; height and width must be fixed"
            " (python -m onnxruntime.tools.make_dynamic_shape_fixed fixes them)"
        )
    default = "NominalRange_0_255" if dtype == "tensor(uint8)" else "Normalized_0_1"
    pixel_range = metadata.get(PIXEL_RANGE, default)
    if pixel_range not in PIXEL_RANGES:
        raise ModelError(f"metadata {PIXEL_RANGE} is {pixel_range!r}; it must be one of {', '.join(PIXEL_RANGES)}")
    low, high = PIXEL_RANGES[pixel_range]
    batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
    blue_first = metadata.get(PIXEL_FORMAT) in BLUE_FIRST and channels == 3
    return ImageTensor(name, DTYPES[dtype], layout, height, width, channels, batch, low, high, blue_first)
