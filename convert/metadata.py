"""Writes into the model what a server has to know about its images and classes, in the field's own words.

- `Image.*` keys, the IMAGE type denotation and the dimension denotations: onnx/onnx docs/MetadataProps.md,
  docs/TypeDenotation.md, docs/DimensionDenotation.md.
- `upload_and_classify.*`, what there is no word for: docs/models.md.
- `names`, a Python dictionary as text, {0: 'cat', 1: 'dog'}: Ultralytics' convention, read with ast.literal_eval.
"""

import hashlib
from pathlib import Path

import onnx
import tf2onnx

from convert.errors import SourceError
from convert.pictures import Pictures
from service.inference import readers
from service.inference.description import PREFIX

PIXEL_FORMATS = {order: name for name, order in reversed(readers.PIXEL_FORMATS.items())}  # the first name of each
PIXEL_RANGES = {values: name for name, values in readers.PIXEL_RANGES.items()}
# A height and a width are both "features" of the data in ONNX's vocabulary.
DIMENSIONS = ("DATA_BATCH", "DATA_FEATURE", "DATA_FEATURE", "DATA_CHANNEL")


def read_labels(path: Path, classes: int) -> list[str]:
    """The labels in `path`, UTF-8, one a line in the order of the classes.

    Raises SourceError when there are not exactly `classes` of them, or one is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise SourceError(f"{path} could not be read as UTF-8 text ({err}); give one label a line.") from err
    labels = [line.strip() for line in lines]
    if len(labels) != classes:
        raise SourceError(
            f"{path} holds {len(labels)} labels and the model has {classes} classes; give one label a line for each."
        )
    if "" in labels:
        raise SourceError(f"{path} has an empty line {labels.index('') + 1}; every class needs a label.")
    return labels


def format_names(labels: list[str]) -> str:
    """As a dictionary's text: "{0: 0, 1: 1}" if all labels are integers ("007" is none), else "{0: 'cat'}"."""
    values: list[int] | list[str] = labels
    if all(label.removeprefix("-").isdecimal() and str(int(label)) == label for label in labels):
        values = [int(label) for label in labels]
    return str(dict(enumerate(values)))


def describe(source: Path) -> str:
    """One line on where the model comes from, with the file's SHA-256 so that anyone can match the two."""
    if source.is_dir():
        return f"Converted from the SavedModel {source.name}."
    return f"Converted from {source.name}, SHA-256 {hashlib.sha256(source.read_bytes()).hexdigest()}."


def write_metadata(
    model: onnx.ModelProto, source: Path, version: int, pictures: Pictures, labels: list[str] | None
) -> None:
    """Set the metadata, denotations and producer of `model` in place."""
    image = model.graph.input[0].type
    properties = {readers.PIXEL_FORMAT: PIXEL_FORMATS[pictures.order], "Image.ColorSpaceGamma": "SRGB"}
    if pictures.plain:  # ONNX has no word for a mean, and half of what the pixels are would mislead
        properties[readers.PIXEL_RANGE] = PIXEL_RANGES[pictures.range]
    properties |= {PREFIX + key: text for key, text in pictures.keys.items()}
    if labels is not None:
        properties["names"] = format_names(labels)
    onnx.helper.set_model_props(model, properties)
    image.denotation = "IMAGE"
    for dim, denotation in zip(image.tensor_type.shape.dim, DIMENSIONS, strict=True):
        dim.denotation = denotation
    model.producer_name, model.producer_version = "tf2onnx", tf2onnx.__version__
    model.model_version = version
    model.doc_string = describe(source)
    model.graph.name = source.parent.name or source.stem
    model.graph.doc_string = ""
