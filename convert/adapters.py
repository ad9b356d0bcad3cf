"""What is put around a model so that it takes images (N, height, width, channels) and gives values (N, values).

    image, uint8 or float32, channels last → ImageInput → the model's own input
    the model's own outputs → ClassOutput → (N, values) float32

Each is chosen from shapes and dtypes alone, and refused with one sentence when it cannot be.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.errors import SourceError
from convert.loading import Shape, Tensor

CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int16", "int32", "int64")  # that hold 0 to 255
FLOATS = ("float16", "bfloat16", "float32", "float64")
NAMES = ("probabilities", "probs", "scores", "predictions", "logits")  # of the classes, among several outputs

Size = tuple[int, int]  # (height, width)
Outputs = NDArray[np.float32]  # (N, values)


@dataclass(frozen=True)
class ImageInput:
    """How images (N, height, width, channels) of `dtype` become the model's input; called in its TensorFlow graph."""

    height: int
    width: int
    channels: int
    layout: str  # "NHWC", "NCHW", "NHW" (one channel) or "NP" (height · width · channels numbers)
    model_dtype: str

    @property
    def dtype(self) -> str:
        """Of the written file: bytes for a model of integers, float32 for one of floating point."""
        return "uint8" if self.model_dtype in INTEGERS else "float32"

    def __call__(self, image: Any) -> Any:
        """The model's input for `image`."""
        import tensorflow as tf

        if self.layout == "NCHW":
            image = tf.transpose(image, (0, 3, 1, 2))
        elif self.layout == "NHW":
            image = image[..., 0]
        elif self.layout == "NP":
            image = tf.reshape(image, (-1, self.height * self.width * self.channels))
        return image if self.model_dtype == self.dtype else tf.cast(image, self.model_dtype)


@dataclass(frozen=True)
class ClassOutput:
    """The output of the classes, (N, values); one value means two classes."""

    name: str
    values: int

    def __call__(self, outputs: dict[str, Any]) -> Any:
        """(N, values) float32 of the model's outputs; (N, 1, 1, values) loses its ones."""
        import tensorflow as tf

        output = tf.cast(outputs[self.name], tf.float32)
        return output if output.shape.rank == 2 else tf.reshape(output, (-1, self.values))


def as_classes(expected: Outputs, *others: Outputs) -> list[Outputs]:
    """All with a column for each class, (N, 2) of one value (N, 1), so that an image's class is the larger one.

    A share p of the second class becomes (1 - p, p), its logit z becomes (-z, z).
    """
    if expected.shape[1] != 1:
        return [expected, *others]
    whole = np.float32(((expected >= 0) & (expected <= 1)).all())
    return [np.concatenate((whole - values, values), axis=1) for values in (expected, *others)]


def read_image_input(path: Path, tensor: Tensor, size: Size | None) -> ImageInput:
    """The image's layout and size from the input's shape; `size` fills in what the shape leaves open.

    Raises SourceError when the input is none of an image.
    """
    shape = tensor.shape
    if tensor.dtype not in INTEGERS + FLOATS:
        raise SourceError(f"{path} takes {tensor.dtype} images; the input's dtype must be an integer or float32.")
    if len(shape) == 2:
        return _read_flat(path, tensor, size)
    if len(shape) not in (3, 4):
        raise SourceError(f"{path} takes an input of shape {shape}, not images; {_expected()}.")
    _check_batch(path, shape)
    if len(shape) == 3:
        layout, height, width, channels = "NHW", shape[1], shape[2], 1
    elif shape[3] in CHANNELS:
        layout, height, width, channels = "NHWC", shape[1], shape[2], shape[3]
    elif shape[1] in CHANNELS:
        layout, height, width, channels = "NCHW", shape[2], shape[3], shape[1]
    else:
        raise SourceError(f"{path} takes {shape}, which has no dimension of channels: {_expected()}.")
    return ImageInput(*_fit(path, shape, (height, width), size), channels, layout, tensor.dtype)


def choose_output(path: Path, outputs: list[Tensor], name: str | None) -> ClassOutput:
    """The output called `name`, or the only one, or the one that fits: by its shape, then by its name.

    Raises SourceError when none is one of classes, or several could be.
    """
    told = ", ".join(f"'{output.name}' {output.shape}" for output in outputs) or "none"
    if name is not None:
        outputs = [output for output in outputs if output.name == name]
        if not outputs:
            raise SourceError(f"{path} has no output '{name}'; its outputs are {told}.")
    values = {output.name: _count_values(output.shape) for output in outputs}
    fitting = [output for output, count in values.items() if count > 1] or [o for o, count in values.items() if count]
    if not fitting:
        raise SourceError(
            f"{path} gives {'an output' if len(outputs) == 1 else 'outputs'} of shape {told}; "
            "a classifier's is (None, classes), or (None, 1) for two classes."
        )
    named = [output for output in fitting if output.lower() in NAMES]
    if len(fitting) > 1 and len(named) != 1:
        raise SourceError(f"{path} has {len(outputs)} outputs, {told}; say with --output-name which has the classes.")
    chosen = fitting[0] if len(fitting) == 1 else named[0]
    return ClassOutput(chosen, values[chosen])


def _read_flat(path: Path, tensor: Tensor, size: Size | None) -> ImageInput:
    pixels = tensor.shape[1]
    if size is None:
        raise SourceError(
            f"{path} takes an input of shape {tensor.shape}, not images; {_expected()}; "
            "where the numbers are the pixels of an image, give its size with --size HEIGHTxWIDTH."
        )
    _check_batch(path, tensor.shape)
    height, width = size
    channels = next((count for count in CHANNELS if height * width * count == pixels), None)
    if channels is None:
        raise SourceError(f"{path} takes {pixels} numbers, and an image of --size {height}x{width} has other ones.")
    return ImageInput(height, width, channels, "NP", tensor.dtype)


def _fit(path: Path, shape: Shape, sides: tuple[int | None, int | None], size: Size | None) -> Size:
    if size is None:
        if sides[0] is None or sides[1] is None:
            raise SourceError(
                f"{path} takes images of any size, {shape}; choose one with --size HEIGHTxWIDTH, e.g. --size 224x224."
            )
        return sides[0], sides[1]
    if any(side not in (None, asked) for side, asked in zip(sides, size, strict=True)):
        raise SourceError(f"{path} takes images of one size, {shape}, not {size[0]}x{size[1]}; leave --size out.")
    return size


def _check_batch(path: Path, shape: Shape) -> None:
    # A Keras file's batch has been made dynamic before it was loaded; a SavedModel's graph is as it is.
    if shape[0] is not None:
        raise SourceError(
            f"{path} fixes its batch size at {shape[0]}; convert the .keras file that it was exported from, "
            "or export it from keras.Input(shape=...) without a batch size."
        )


def _count_values(shape: Shape) -> int:
    """How many values (N, values), (N, 1, 1, values) or (N,) has for an image; 0 for none of these."""
    if not shape or None in shape[1:]:
        return 0
    sizes = [size for size in shape[1:] if size != 1]
    return 0 if len(sizes) > 1 else (sizes[0] or 0) if sizes else 1


def _expected() -> str:
    return (
        "the shape must be (None, height, width, channels) or (None, channels, height, width) with 1, 3 or 4 channels"
    )
