"""Small real models, built once: a Dense and a Conv layer on (N, 12, 10, 1) uint8, three classes."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tf2onnx", reason="the convert extra is not installed")

from convert.__main__ import main
from convert.silence import silenced

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def keras() -> Any:
    with silenced():
        import keras

        keras.utils.set_random_seed(3)
    return keras


@pytest.fixture(scope="session")
def classifier(keras: Any) -> Any:
    """In-graph normalisation with a branch that divides by zero for constant images, as train/ writes it."""
    image = keras.Input((12, 10, 1), dtype="uint8")
    pixels = keras.ops.cast(image, "float32")
    low = keras.ops.min(pixels, axis=(1, 2, 3), keepdims=True)
    span = keras.ops.max(pixels, axis=(1, 2, 3), keepdims=True) - low
    pixels = keras.ops.where(span > 0, (pixels - low) / span, 0.0)
    hidden = keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(pixels)
    hidden = keras.layers.ReLU()(keras.layers.BatchNormalization()(hidden))
    hidden = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(hidden))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(hidden))
    mean = model.layers[-5].get_weights()[2]
    assert mean.shape == (4,)
    model.layers[-5].set_weights([mean + 1.5, mean + 0.2, mean + 0.1, mean + 0.7])
    return model


@pytest.fixture(scope="session")
def float_classifier(keras: Any) -> Any:
    """RGB float32 input and logits, without normalisation of its own."""
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(4)])


@pytest.fixture
def model_file(classifier: Any, tmp_path: Path) -> Path:
    """A model with its labels beside it."""
    path = tmp_path / "shapes" / "model.keras"
    path.parent.mkdir()
    with silenced():
        classifier.save(path)
    (path.parent / "labels.txt").write_text("circle\nsquare\nit's a line\n")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process: (exit status, standard output, standard error)."""
    monkeypatch.delenv("MNIST_NPZ", raising=False)

    def run_main(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        sys.stdout.flush()
        return (status, *capsys.readouterr())

    return run_main
