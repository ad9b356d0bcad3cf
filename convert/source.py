"""Reads a Keras file or a SavedModel folder into one TensorFlow function over a batch of images.

Knows `.keras` (Keras 3), `.h5` (legacy), and SavedModel (signature `serving_default`, as `model.export()` writes it).
Does not know ONNX, labels or pixel ranges.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.adapters import ClassOutput, ImageInput, Size, choose_output, read_image_input
from convert.errors import SourceError
from convert.keras_file import ADOPT
from convert.loading import Loaded, load_keras, load_saved_model
from convert.refusals import explain

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
WAY_OUT = "give a .keras file, a legacy .h5 file or a SavedModel folder"


@dataclass(frozen=True)
class Reading:
    """What the user says about a file that does not say it itself."""

    size: Size | None = None  # of images, where the model takes any
    output_name: str | None = None  # of the output with the classes, where there are several
    trust: bool = False  # run the code that the file brings
    imports: tuple[Path, ...] = ()  # Python files that define its custom classes


AS_IT_IS = Reading()


@dataclass(frozen=True)
class Source:
    """A classifier of images.

    `function` is a tf.function of one argument `image`, (N, height, width, channels) of `dtype`, that returns
    {"output": (N, values) float32}; N is dynamic.
    """

    path: Path
    function: Any
    image_shape: tuple[int, int, int]  # (height, width, channels)
    dtype: str  # "uint8" or "float32"
    values: int
    notes: tuple[str, ...] = ()  # what differs from the file as it was saved

    @property
    def classes(self) -> int:
        """How many classes there are: one value means two."""
        return max(2, self.values)


def find_format(path: Path) -> str:
    """Tell "keras" from "saved_model" by the path alone, so that a mistyped name fails before TensorFlow is imported.

    Raises SourceError for anything else.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as err:  # ValueError: a null byte
        raise SourceError(f"{path} does not exist; {WAY_OUT}.") from err
    except OSError as err:
        raise SourceError(f"{str(path)[:200]} cannot be read ({err.strerror}); {WAY_OUT}.") from err
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            _check_readable(path / "saved_model.pb")
            return "saved_model"
        raise SourceError(f"{path} is a folder without saved_model.pb, so no SavedModel; {WAY_OUT}.")
    if path.suffix.lower() == ".onnx":
        raise SourceError(f"{path} is an ONNX file by its name, which needs no conversion; give it to {ADOPT}.")
    if path.suffix.lower() not in KERAS_SUFFIXES:
        raise SourceError(f"{path} is not a Keras model by its name (suffix {path.suffix or 'none'}); {WAY_OUT}.")
    _check_readable(path)
    return "keras"


def _check_readable(path: Path) -> None:
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} cannot be read (Permission denied); change its permissions, or give a copy.")


def read_source(path: Path, reading: Reading = AS_IT_IS) -> Source:
    """Load the model at `path` and check that it is an image classifier with one input.

    Raises SourceError when it cannot be loaded or is something else.
    """
    loaded = _load(path, reading)
    if len(loaded.inputs) != 1:
        raise SourceError(
            f"{path} has {len(loaded.inputs)} inputs; exactly one is converted, so wrap the model in one that has one."
        )
    image_input = read_image_input(path, loaded.inputs[0], reading.size)
    output = choose_output(path, loaded.outputs, reading.output_name)
    shape = (image_input.height, image_input.width, image_input.channels)
    notes = [*loaded.notes]
    if image_input.layout == "NCHW":
        notes.append("the model has its channels first; the written file has them last")
    if len(loaded.outputs) > 1:
        notes.append(f"of {len(loaded.outputs)} outputs, '{output.name}' has the classes")
    return Source(path, _wrap(loaded, image_input, output), shape, image_input.dtype, output.values, tuple(notes))


def _load(path: Path, reading: Reading) -> Loaded:
    kind = find_format(path)
    try:
        return load_keras(path, reading.trust, reading.imports) if kind == "keras" else load_saved_model(path)
    except SourceError:
        raise
    except Exception as err:  # Keras raises anything from KeyError to zipfile.BadZipFile here
        raise explain(path, err) from err


def _wrap(loaded: Loaded, image_input: ImageInput, output: ClassOutput) -> Any:
    import tensorflow as tf

    def function(image: Any) -> dict[str, Any]:
        return {"output": output(loaded.call(image_input(image)))}

    shape = (None, image_input.height, image_input.width, image_input.channels)
    return tf.function(function, input_signature=[tf.TensorSpec(shape, image_input.dtype, name="image")])
