"""The model in the repository was made from the Keras file beside it."""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from convert.parity import compare, run_onnx, run_source
from convert.silence import silenced
from convert.source import read_source

FOLDER = Path(__file__).parents[2] / "models" / "mnist"
ONNX, KERAS = FOLDER / "1" / "model.onnx", FOLDER / "model.keras"

pytestmark = pytest.mark.skipif(not (ONNX.exists() and KERAS.exists()), reason="models/mnist is not complete")


def test_it_answers_as_the_keras_model_does() -> None:
    from convert.images import make_images

    with silenced():
        source = read_source(KERAS)
        images = make_images(source.image_shape)
        expected, actual = run_source(source, images, np.asarray), run_onnx(ONNX.read_bytes(), images, np.asarray)
        assert compare(expected, actual, tolerance=1e-5).agreement == 1.0


def test_it_names_the_keras_file_it_was_made_from() -> None:
    meta = ort.InferenceSession(ONNX, providers=["CPUExecutionProvider"]).get_modelmeta()
    assert hashlib.sha256(KERAS.read_bytes()).hexdigest() in meta.description
    assert meta.custom_metadata_map["names"] == str({digit: digit for digit in range(10)})


def test_it_says_what_it_reads_and_that_digits_are_trimmed_out_with_mnists_margin() -> None:
    meta = ort.InferenceSession(ONNX, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    keys = {key: value for key, value in meta.items() if key.startswith("upload_and_classify.")}
    assert keys == {
        "upload_and_classify.resize": "trim",
        "upload_and_classify.margin": "0.14",
        "upload_and_classify.title": "Handwritten digits",
        "upload_and_classify.question": "Which digit is it?",
    }


def test_it_takes_any_number_of_grey_images() -> None:
    session = ort.InferenceSession(ONNX, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["N", 28, 28, 1])
    for batch in (1, 5):
        (answers,) = session.run(["probabilities"], {"image": np.zeros((batch, 28, 28, 1), np.uint8)})
        assert answers.shape == (batch, 10)
