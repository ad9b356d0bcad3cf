"""Reads a Keras file or a SavedModel folder into one TensorFlow function over a batch of images.

Knows `.keras` (Keras 3), `.h5` (legacy), and SavedModel (signature `serving_default`, as `model.export()` writes it).
Does not know ONNX, labels or pixel ranges.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.errors import SourceError, first_line

CHANNELS = (1, 3)
DTYPES = ("uint8", "float32")
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
WAY_OUT = "give a .keras file, a legacy .h5 file or a SavedModel folder"


@dataclass(frozen=True)
class Source:
    """A classifier of images.

    `function` is a tf.function of one argument `image`, (N, height, width, channels) of `dtype`, that returns
    {"output": (N, classes) float32}; N is dynamic.
    """

    path: Path
    function: Any
    image_shape: tuple[int, int, int]  # (height, width, channels)
    dtype: str
    classes: int


def find_format(path: Path) -> str:
    """Tell "keras" from "saved_model" by the path alone, so that a mistyped name fails before TensorFlow is imported.

    Raises SourceError for anything else.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist; {WAY_OUT}.")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        raise SourceError(f"{path} is a folder without saved_model.pb, so no SavedModel; {WAY_OUT}.")
    if path.suffix.lower() not in KERAS_SUFFIXES:
        raise SourceError(f"{path} is not a Keras model by its name (suffix {path.suffix or 'none'}); {WAY_OUT}.")
    return "keras"


def read_source(path: Path) -> Source:
    """Load the model at `path` and check that it is an image classifier with one input and one output.

    Raises SourceError when it cannot be loaded or is something else.
    """
    kind = find_format(path)
    try:
        call, inputs, outputs = _load_keras(path) if kind == "keras" else _load_saved_model(path)
    except SourceError:
        raise
    except Exception as err:  # Keras raises anything from KeyError to zipfile.BadZipFile here
        missing = re.search(r"Could not locate \w+ '[^']+'", str(err))  # Keras buries it in pages of configuration
        reason = missing[0] if missing else f"{type(err).__name__}: {first_line(err)}"
        raise SourceError(
            f"{path} could not be loaded ({reason}); save the complete model "
            "as .keras, without Lambda layers and custom classes."
        ) from err
    for what, found in (("input", inputs), ("output", outputs)):
        if len(found) != 1:
            raise SourceError(
                f"{path} has {len(found)} {what}s; exactly one is converted, so wrap the model in one that has one."
            )
    shape, dtype = inputs[0]
    image_shape = check_input(path, shape, dtype)
    classes = check_output(path, outputs[0][0])
    return Source(path, _wrap(call, image_shape, len(shape) == 3, dtype), image_shape, dtype, classes)


Shape = tuple[int | None, ...]
Loaded = tuple[Callable[[Any], Any], list[tuple[Shape, str]], list[tuple[Shape, str]]]


def check_input(path: Path, shape: Shape, dtype: str) -> tuple[int, int, int]:
    """The image's (height, width, channels) from the input's shape; (N, height, width) counts as one channel."""
    if len(shape) not in (3, 4):
        raise SourceError(
            f"{path} takes an input of shape {shape}, not images; the shape must be (None, height, width, channels)."
        )
    if shape[0] is not None:
        raise SourceError(
            f"{path} fixes its batch size at {shape[0]}; build it with keras.Input(shape=...) and no batch size."
        )
    height, width, channels = shape[1:] if len(shape) == 4 else (*shape[1:], 1)
    if height is None or width is None:
        raise SourceError(
            f"{path} takes images of any size, {shape}; build it with fixed height and width, e.g. (28, 28, 1)."
        )
    if channels is None or channels not in CHANNELS:
        raise SourceError(
            f"{path} takes {channels} channels, {shape}; the last dimension must be 1 (grey) or 3 (RGB), channels last."
        )
    if dtype not in DTYPES:
        raise SourceError(f"{path} takes {dtype} images; the input's dtype must be uint8 or float32.")
    return height, width, channels


def check_output(path: Path, shape: Shape) -> int:
    """The number of classes from the output's shape (N, classes)."""
    if len(shape) != 2 or shape[1] is None or shape[1] < 2:
        raise SourceError(
            f"{path} gives an output of shape {shape}; a classifier's is (None, classes) with two classes or more."
        )
    return shape[1]


def _load_keras(path: Path) -> Loaded:
    import keras

    # compile=False: losses and metrics may be custom, and none is needed here.
    model = keras.models.load_model(path, compile=False)
    if not getattr(model, "inputs", None):
        raise SourceError(
            f"{path} has never been built, so its input shape is unknown; start it with keras.Input(shape=...)."
        )

    def call(images: Any) -> Any:
        return keras.tree.flatten(model(images, training=False))[0]  # the output may be in a list or dictionary

    return call, [(tuple(t.shape), t.dtype) for t in model.inputs], [(tuple(t.shape), t.dtype) for t in model.outputs]


def _load_saved_model(path: Path) -> Loaded:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    if "serving_default" not in loaded.signatures:
        raise SourceError(f"{path} has no signature serving_default; write it with Keras's model.export().")
    signature = loaded.signatures["serving_default"]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs

    def call(images: Any) -> Any:
        _ = loaded  # the variables live as long as the loaded object does
        return next(iter(signature(**{next(iter(inputs)): images}).values()))

    def specs(named: dict[str, Any]) -> list[tuple[Shape, str]]:
        # A shape of unknown rank cannot be listed; () fails the checks below with a message that shows it.
        return [(tuple(s.shape) if s.shape.rank is not None else (), s.dtype.name) for s in named.values()]

    return call, specs(inputs), specs(outputs)


def _wrap(call: Callable[[Any], Any], image_shape: tuple[int, int, int], drop_channels: bool, dtype: str) -> Any:
    import tensorflow as tf

    def function(image: Any) -> dict[str, Any]:
        output = call(image[..., 0] if drop_channels else image)
        return {"output": tf.cast(output, tf.float32)}  # a mixed-precision model may end in float16

    return tf.function(function, input_signature=[tf.TensorSpec((None, *image_shape), dtype, name="image")])
