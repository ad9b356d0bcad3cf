"""A model of one's own, all the way: trained with Keras, converted, described, served, predicted and benched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.serving import serve_workers

pytest.importorskip("tf2onnx", reason="the convert extra is not installed")

from convert.silence import silenced

LABELS = ("cross", "disc", "frame")  # each in its own colour on dark ground
COLOURS = np.array([[230, 60, 40], [50, 200, 60], [60, 90, 240]])
HEIGHT, WIDTH, NOISE = 24, 32, 40
TRAINED, HELD_BACK = 600, 30  # pictures


def draw(kind: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """A shape (HEIGHT, WIDTH, 3) of a kind, in a place and a size of its own."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    down, across = rows - random.integers(9, 15), columns - random.integers(9, 23)
    size = random.integers(5, 8)
    inside = np.maximum(abs(down), abs(across)) <= size
    shape = (
        inside & (np.minimum(abs(down), abs(across)) <= 1),
        down**2 + across**2 <= size**2,
        inside & (np.maximum(abs(down), abs(across)) > size - 2),
    )[kind]
    picture = np.where(shape[..., np.newaxis], COLOURS[kind], 30) + random.integers(-NOISE, NOISE, (HEIGHT, WIDTH, 3))
    return picture.clip(0, 255).astype(np.uint8)


def train(path: Path) -> None:
    """A small Keras model of raw RGB pixels, with its labels beside it."""
    with silenced():
        import keras

        keras.utils.set_random_seed(1)
        random = np.random.default_rng(1)
        classes = np.arange(TRAINED) % len(LABELS)
        pictures = np.stack([draw(kind, random) for kind in classes.tolist()])
        model = keras.Sequential(
            [
                keras.Input((HEIGHT, WIDTH, 3), dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
                keras.layers.GlobalMaxPooling2D(),
                keras.layers.Dense(len(LABELS), activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        model.fit(pictures, classes, batch_size=20, epochs=5, verbose=0)
        path.parent.mkdir(parents=True)
        model.save(path)
    (path.parent / "labels.txt").write_text("\n".join(LABELS) + "\n")


def write_pictures(folder: Path) -> list[Path]:
    """Pictures that the model has not seen, in sub-folders by their labels."""
    random = np.random.default_rng(2)
    paths = [folder / LABELS[number % len(LABELS)] / f"{number}.png" for number in range(HELD_BACK)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(number % len(LABELS), random)).save(path)
    return paths


def run(models: Path, *arguments: str | Path) -> str:
    """Output of `python -m …`."""
    environment = {**os.environ, "SERVICE_MODELS": str(models), "SERVICE_DEVICE": "cpu"}
    environment.pop("MNIST_NPZ", None)
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_of_ones_own_from_training_to_bench(tmp_path: Path) -> None:
    models, images = tmp_path / "models", tmp_path / "images"
    train(models / "shapes/model.keras")
    paths = write_pictures(images)

    assert "labels      cross disc frame\n" in run(models, "convert", models / "shapes/model.keras")
    told = json.loads(run(models, "service.describe", models / "shapes", "--json"))
    assert told["input"]["shape"] == [None, HEIGHT, WIDTH, 3]
    assert told["keys"]["labels"]["value"] == list(LABELS)

    predicted = run(models, "service.predict", "--model", "shapes", "--json", "--top", "3", *paths).splitlines()
    with serve_workers({"SERVICE_MODELS": str(models), "SERVICE_DEVICE": "cpu"}) as server:
        files = [("file", (path.name, path.read_bytes(), "image/png")) for path in paths]
        served = [httpx.post(f"{server.url}/shapes/classify?top=3", files=[file]).text for file in files]
    assert served == predicted
    benched = run(models, "bench", "--model", "shapes", "--images", images)

    right = [json.loads(line)["cls"] == path.parent.name for line, path in zip(served, paths, strict=True)]
    accuracy = sum(right) / len(right)
    assert accuracy >= 0.9
    figures = json.loads(benched.splitlines()[-1])
    assert (figures["answers"], figures["failed"]) == (HELD_BACK, 0)
    assert figures["accuracy"] == round(accuracy, 4)
