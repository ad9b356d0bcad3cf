"""What the file says about its images and classes."""

import ast
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
import pytest

from convert.metadata import format_names
from tests.convert.conftest import Run


def test_metadata_speaks_the_fields_conventions(model_file: Path, run: Run) -> None:
    assert run(model_file, "--version", 7)[0] == 0
    path = model_file.parent / "7" / "model.onnx"
    meta = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).get_modelmeta()
    assert meta.custom_metadata_map == {
        "Image.BitmapPixelFormat": "Gray8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "NominalRange_0_255",
        "names": "{0: 'circle', 1: 'square', 2: \"it's a line\"}",
    }
    assert ast.literal_eval(meta.custom_metadata_map["names"]) == {0: "circle", 1: "square", 2: "it's a line"}
    assert (meta.producer_name, meta.version, meta.graph_name) == ("tf2onnx", 7, "shapes")
    assert meta.description.startswith("Converted from model.keras, SHA-256 ")


def test_input_is_denoted_as_an_image(model_file: Path, run: Run) -> None:
    assert run(model_file)[0] == 0
    image = onnx.load(model_file.parent / "1" / "model.onnx").graph.input[0].type
    assert image.denotation == "IMAGE"
    assert [dim.denotation for dim in image.tensor_type.shape.dim] == [
        "DATA_BATCH",
        "DATA_FEATURE",
        "DATA_FEATURE",
        "DATA_CHANNEL",
    ]


def test_rgb_and_the_pixel_range_are_written(float_classifier: Any, tmp_path: Path, run: Run) -> None:
    float_classifier.save(tmp_path / "rgb.keras")
    status, output, _ = run(tmp_path / "rgb.keras", "--range", "0..1")
    assert status == 0
    assert "none, so classes are known by their number" in output
    properties = {p.key: p.value for p in onnx.load(tmp_path / "1" / "model.onnx").metadata_props}
    assert properties == {
        "Image.BitmapPixelFormat": "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_0_1",
        "upload_and_classify.range": "0..1",
    }


def test_uint8_pixels_have_only_one_range(model_file: Path, run: Run) -> None:
    assert run(model_file, "--range", "0..1")[::2] == (
        2,
        f"error: {model_file} takes uint8 pixels as they are, 0..255, not pixels 0..1; "
        "leave out --range, --mean, --std and every --preset but raw.\n",
    )


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["0", "1", "-2"], "{0: 0, 1: 1, 2: -2}"),
        (["0", "one"], "{0: '0', 1: 'one'}"),
        (["007", "8"], "{0: '007', 1: '8'}"),
        (["é", 'a "b"'], "{0: 'é', 1: 'a \"b\"'}"),
    ],
)
def test_names_are_integers_or_quoted_strings(labels: list[str], names: str) -> None:
    assert format_names(labels) == names
    assert [str(label) for label in ast.literal_eval(names).values()] == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", "holds 2 labels and the model has 3 classes; give one label a line for each."),
        (b"a\nb\nc\nd\n", "holds 4 labels and the model has 3 classes; give one label a line for each."),
        (b"a\n\nc\n", "has an empty line 2; every class needs a label."),
        (b"\xff\xfe\n", "could not be read as UTF-8 text"),
    ],
)
def test_wrong_labels_are_refused(content: bytes, message: str, model_file: Path, run: Run) -> None:
    other = model_file.parent / "other.txt"
    other.write_bytes(content)
    status, _, error = run(model_file, "--labels", other)
    assert (status, error.startswith(f"error: {other} {message}")) == (2, True)
    assert not (model_file.parent / "1").exists()


def test_labels_that_are_missing_are_refused(model_file: Path, run: Run) -> None:
    status, _, error = run(model_file, "--labels", model_file.parent / "none.txt")
    assert (status, "none.txt could not be read" in error) == (2, True)
