"""One model of the models folder: its image input, its labels, its runner, and images to results.

images, each (H, W, C) uint8 → runner → outputs (N, classes) float32 → probabilities → the best class of each
"""

from __future__ import annotations

import ast
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceError, ModelError, NotANumberError, PartitionedGraphError
from service.inference.device import Device
from service.inference.image_input import PIXELS, ImageTensor, read_image_tensor
from service.inference.runner import Runner
from service.inference.session import inspect, open_session, read_placement
from service.settings import Colour, Settings, colour

logger = logging.getLogger("service")
NAMES = "names"  # Ultralytics' metadata key: a Python dict literal of index to label
BACKGROUND = "upload_and_classify.background"  # our own: what shows through transparent pixels, #rrggbb
Label = int | str
Result = tuple[int, NDArray[np.float32]]  # index of the best class, probabilities (classes,)
Outcome = Result | NotANumberError


class Model:
    """A loaded and warmed model."""

    def __init__(self, name: str, version: int, path: Path, device: Device, settings: Settings) -> None:
        """Load the file and warm it up.

        Raises:
            ModelError: The file is no model, or no classifier of images.
            DeviceError: It cannot run on the device, or with SERVICE_DEVICE=cuda not all of it.
        """
        self.name, self.version = name, version
        description = inspect(path)
        metadata = description.get_modelmeta().custom_metadata_map
        inputs, outputs = description.get_inputs(), description.get_outputs()
        if len(inputs) != 1:
            raise ModelError(f"it has {len(inputs)} inputs; an image classifier has one")
        self.input = read_image_tensor(inputs[0].name, inputs[0].type, inputs[0].shape, metadata)
        self.output_name: str = outputs[0].name
        self.background = _read_background(metadata, settings)
        source = path if self.input.takes_pixels else _make_pixel_model(path, self.input)
        self.runner = self._start_runner(source, path.parent, device, settings.max_batch)
        self.device, self.classes = self.runner.device, self.runner.classes
        self.labels = read_labels(metadata, self.classes)
        self.label_json = [json.dumps(label).encode() for label in self.labels]
        self._is_probabilities = self._gives_probabilities()

    def run(self, images: Sequence[NDArray[np.uint8]]) -> list[Outcome]:
        """A result for each of N images (H, W, C) uint8, N at most `max_batch`; an error where it is no number.

        Raises:
            DeviceLostError: The device has failed.
        """
        outputs = self.runner.run(images)
        if not self._is_probabilities:
            outputs = softmax(outputs)
        results: list[Outcome] = list(zip(outputs.argmax(axis=1).tolist(), outputs, strict=True))
        if not math.isfinite(outputs.sum()):
            for index in np.flatnonzero(~np.isfinite(outputs).all(axis=1)):
                results[index] = NotANumberError(f"{self.name}: an output of the model is not a number")
        return results

    @property
    def max_batch(self) -> int:
        """Images in one run; it shrinks when memory is short."""
        return self.runner.max_batch

    @property
    def slots(self) -> int:
        """Threads that may call `run` at once."""
        return self.device.slots

    @property
    def is_quick(self) -> bool:
        """Whether the largest batch is over sooner than a change of threads pays."""
        return self.runner.batch_s <= self.device.inline_s

    def _start_runner(self, source: Path | bytes, folder: Path, device: Device, max_batch: int) -> Runner:
        """A warm runner; where CUDA graphs are wanted and the model does not allow them, without."""
        passes_the_cpu = False
        if device.graphs:
            try:
                return self._try_runner(source, folder, device, max_batch)
            except ModelError as error:
                passes_the_cpu = isinstance(error, PartitionedGraphError)
                logger.info("%s: without CUDA graphs, and batches of one size only: %s", self.name, error)
        return self._try_runner(source, folder, replace(device, graphs=False), max_batch, passes_the_cpu)

    def _try_runner(
        self, source: Path | bytes, folder: Path, device: Device, max_batch: int, passes_the_cpu: bool = False
    ) -> Runner:
        session = open_session(source, device, folder, self._describe_shapes(max_batch))
        self.placement = read_placement(session, device)
        if passes_the_cpu and not self.placement.strays:
            self.placement = read_placement(session, device, every_one=True)
        if self.placement.strays:
            strays = f"{len(self.placement.strays)} nodes run on the CPU: {', '.join(self.placement.strays[:5])}"
            if device.strict:
                raise DeviceError(f"SERVICE_DEVICE={device.name}, but {strays}. SERVICE_DEVICE=auto allows that.")
            logger.warning("%s: %s. Each batch is copied between the GPU and the CPU.", self.name, strays)
        return Runner(session, device, (self.input.height, self.input.width, self.input.channels), max_batch)

    def _describe_shapes(self, max_batch: int) -> tuple[str, str, str] | None:
        if self.input.batch:
            return None
        name = self.input.name if self.input.takes_pixels else PIXELS
        shape = f"{self.input.height}x{self.input.width}x{self.input.channels}"
        return f"{name}:1x{shape}", f"{name}:{max_batch}x{shape}", f"{name}:{max_batch}x{shape}"

    def _gives_probabilities(self) -> bool:
        """Whether the outputs are probabilities; if not, they are logits."""
        shape = (self.max_batch, *self.runner.image_shape)
        outputs = self.runner.run(list(np.random.default_rng(0).integers(0, 256, shape, np.uint8)))
        if not np.isfinite(softmax(outputs)).all():
            raise ModelError(f"output {self.output_name!r} is not a number (NaN or infinite) for an image of noise")
        return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-2))


def sound(outcomes: Sequence[Outcome]) -> list[Result]:
    """The results, where all of them are numbers.

    Raises:
        NotANumberError: One is not.
    """
    for outcome in outcomes:
        if isinstance(outcome, NotANumberError):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, NotANumberError)]


def _make_pixel_model(path: Path, tensor: ImageTensor) -> bytes:
    from service.inference.pixel_graph import prepend_conversion  # onnx takes a sixth of a second to import

    return prepend_conversion(path, tensor)


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


def _read_background(metadata: Mapping[str, str], settings: Settings) -> Colour:
    if BACKGROUND not in metadata:
        return settings.background
    try:
        return colour(metadata[BACKGROUND])
    except ValueError as error:
        raise ModelError(f"metadata {BACKGROUND} is {metadata[BACKGROUND]!r}; it must be {error}.") from None
