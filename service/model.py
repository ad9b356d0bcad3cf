"""One model of the models folder: its session, its image input, its labels, and images to probabilities.

images, each (H, W, C) uint8 → one batch tensor → session.run → probabilities (N, classes) float32
"""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.device import Device, open_session
from service.errors import ModelError, SettingError
from service.settings import Settings, parse_colour
from service.tensor import read_image_tensor

NAMES = "names"  # Ultralytics' metadata key: a Python dict literal of index to label
BACKGROUND = "upload_and_classify.background"  # our own: what shows through transparent pixels, #rrggbb
MAX_BATCH_S = 0.050  # a batch that takes longer on the CPU gains no throughput and costs latency
Label = int | str
Result = tuple[int, NDArray[np.float32]]  # index of the best class, probabilities (classes,)


class Model:
    """A loaded and warmed model. One thread at a time may run it: the buffers are its own."""

    def __init__(self, name: str, version: int, path: Path, device: Device, settings: Settings) -> None:
        self.name, self.version, self.device = name, version, device
        self.session = open_session(path, device)
        metadata = self.session.get_modelmeta().custom_metadata_map
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1:
            raise ModelError(f"it has {len(inputs)} inputs; an image classifier has one")
        self.input = read_image_tensor(inputs[0].name, inputs[0].type, inputs[0].shape, metadata)
        self.output_name: str = outputs[0].name
        self.background = _read_background(metadata, settings)
        self._allocate(self.input.batch or settings.max_batch)
        self.classes = self._count_classes()
        self.labels = read_labels(metadata, self.classes)
        self.label_json = [json.dumps(label).encode() for label in self.labels]
        self._is_probabilities = self._warm_up()

    def run(self, images: Sequence[NDArray[np.uint8]]) -> list[Result]:
        """A result for each of N images (H, W, C) uint8, N at most `max_batch`."""
        count = len(images)
        np.concatenate(images, out=self._rows[: count * self.input.height])
        outputs = self._run_batch(count)
        if not self._is_probabilities:
            outputs = softmax(outputs)
        return list(zip(outputs.argmax(axis=1).tolist(), outputs, strict=True))

    def _run_batch(self, count: int) -> NDArray[np.float32]:
        """Raw outputs (count, classes) of the first `count` images in the buffer."""
        size = self.input.batch or count
        if not self.input.takes_pixels:
            self.input.write(self._images[:size], self._tensor[:size])
        (outputs,) = self.session.run([self.output_name], {self.input.name: self._tensor[:size]})
        return np.asarray(outputs[:count], np.float32)

    def _allocate(self, max_batch: int) -> None:
        self.max_batch = max_batch
        size = (max_batch, self.input.height, self.input.width, self.input.channels)
        self._images = np.zeros(size, np.uint8)
        self._rows = self._images.reshape(-1, *size[2:])  # the same buffer, image after image
        shape = (max_batch, *self.input.shape)
        self._tensor = self._images.reshape(shape) if self.input.takes_pixels else np.zeros(shape, self.input.dtype)

    def _count_classes(self) -> int:
        try:
            shape = np.shape(self._run_batch(1))
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            raise ModelError(f"it cannot run on an image: {str(error).strip().splitlines()[0]}") from error
        if len(shape) != 2 or shape[1] < 2:
            raise ModelError(f"output {self.output_name!r} has shape {shape}; a classifier's is (N, classes)")
        return int(shape[1])

    def _warm_up(self) -> bool:
        """Run every batch size that will be used, smallest first, and stop where a batch takes too long.

        Sets `max_batch` and `batch_s`. Returns whether the outputs are probabilities; if not, they are logits.
        """
        self._images[...] = np.random.default_rng(0).integers(0, 256, self._images.shape, np.uint8)
        is_probabilities = True
        for size in [self.max_batch] if self.input.batch else range(1, self.max_batch + 1):
            outputs = self._run_batch(size)
            is_probabilities &= bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-2))
            if self.input.batch is None and self._time_batch(size, MAX_BATCH_S) > MAX_BATCH_S:
                self._allocate(size)
                break
        self.batch_s = self._time_batch(self.max_batch)
        return is_probabilities

    def _time_batch(self, size: int, enough_s: float = 0.0) -> float:
        """Seconds of a batch, the shortest of three, or the first that is short enough: a busy machine adds to any."""
        shortest = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            self._run_batch(size)
            shortest = min(shortest, time.perf_counter() - started)
            if shortest <= enough_s:
                break
        return shortest


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (N, classes) of logits (N, classes)."""
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def read_labels(metadata: Mapping[str, str], classes: int) -> list[Label]:
    """Label of each class: from the metadata's `names`, else the class's index.

    Raises:
        ModelError: `names` cannot be read or has not one label for each class.
    """
    if NAMES not in metadata:
        return list(range(classes))
    try:
        names = ast.literal_eval(metadata[NAMES])
        labels = [names[index] for index in range(classes)]
    except (ValueError, SyntaxError, LookupError, TypeError) as error:
        raise ModelError(f"metadata {NAMES!r} must be a dict of a label for each of {classes} classes") from error
    if len(names) != classes or not all(isinstance(label, int | str) for label in labels):
        raise ModelError(f"metadata {NAMES!r} has {len(names)} labels; the model has {classes} classes")
    return labels


def _read_background(metadata: Mapping[str, str], settings: Settings) -> tuple[int, int, int]:
    try:
        return parse_colour(metadata.get(BACKGROUND, settings.background), f"metadata {BACKGROUND}")
    except SettingError as error:
        raise ModelError(str(error)) from error
