"""Every kind of Keras model: converted for real, proven alike on images that it tells apart, and served."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from convert.images import make_images
from convert.pictures import read_pictures
from convert.silence import silenced
from service.inference.device import Device
from service.inference.model import Model, sound
from service.settings import Settings
from tests.convert.kinds import KINDS, activations
from tests.convert.kinds.registry import Kind

# Kinds that cannot be converted, and why.
REFUSED = {
    "operations, largest of all": "Keras 3.15 tells -0 from 0 in argmax by the bits of a number (Bitcast), which ONNX "
    "cannot see before opset 26",
}
PICTURES = 36


def marked(name: str) -> Any:
    if name not in REFUSED:
        return pytest.param(KINDS[name], id=name)
    return pytest.param(KINDS[name], id=name, marks=pytest.mark.xfail(reason=REFUSED[name], strict=True))


@pytest.mark.parametrize("kind", [marked(name) for name in KINDS])
def test_a_kind_converts(kind: Kind, keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from convert.conversion import convert

    keras.utils.set_random_seed(7)
    target = tmp_path / "kind" / "1" / "model.onnx"
    (tmp_path / "made").mkdir()
    with silenced():
        path = kind.write(keras, tmp_path / "made")
        convert(path, target, reading=kind.reading, **kind.options)
    keras.backend.clear_session()
    assert "every image got the same answer" not in capsys.readouterr().out
    session = ort.InferenceSession(target, providers=["CPUExecutionProvider"])
    (image,), (output,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.shape[0], len(image.shape)) == ("image", "N", 4)
    assert (image.type in ("tensor(uint8)", "tensor(float)"), output.shape) == (True, ["N", kind.values])
    images = make_images(tuple(image.shape[1:]), PICTURES)
    dtype = "uint8" if image.type == "tensor(uint8)" else "float32"
    pictures = read_pictures(target, tuple(image.shape[1:]), dtype, keys=kind.options.get("keys"))
    (values,) = session.run(None, {"image": pictures.compute(images)})
    classes = as_probabilities(output.name, values).argmax(axis=1)
    assert len(Counter(classes.tolist())) > 1, "all pictures are of one class"
    if kind.served:
        check_service(target, images, as_probabilities(output.name, values))


def as_probabilities(name: str, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a service has to make of an output (N, values): shares of two or more classes."""
    given = values.astype(np.float64)
    if name == "probabilities":
        return np.concatenate((1 - given, given), axis=1) if given.shape[1] == 1 else given
    if given.shape[1] == 1:
        given = np.concatenate((np.zeros_like(given), given), axis=1)
    powers = np.exp(given - given.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def check_service(path: Path, images: NDArray[np.uint8], expected: NDArray[np.float64]) -> None:
    """The service loads the file, and answers with the same shares for the same pixels."""
    model = Model("kind", 1, path, Device("cpu", threads=1), Settings(max_batch=8))
    for start in range(0, len(images), 8):
        results = sound(model.run(list(images[start : start + 8])))
        rows = np.array([row for _, row in results])
        np.testing.assert_allclose(rows, expected[start : start + 8], atol=1e-4)


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 97
    assert len(KINDS) - len(REFUSED) >= 95
    assert set(REFUSED) <= set(KINDS)


def test_every_activation_of_keras_is_there(keras: Any) -> None:
    functions = {function.__name__ for function in vars(keras.activations).values() if callable(function)}
    helpers = {"deserialize", "get", "serialize"}
    assert functions - helpers == {*activations.NAMES, *activations.ELSEWHERE}
