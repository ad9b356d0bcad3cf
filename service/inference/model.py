"""One model of the models folder: its image input, its labels, its runner, and images to results.

images, each (H, W, C) uint8 → runner → outputs (N, values) float32 → probabilities → the best class of each
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceError, LimitError, ModelError, NotANumberError, PartitionedGraphError, ServiceError
from service.inference.activation import Activation
from service.inference.description import GUESSED, PREFIX, Label
from service.inference.device import Device
from service.inference.graph_file import GraphFile
from service.inference.image_input import PIXELS, read_image_tensor
from service.inference.onnx_runtime import ort
from service.inference.open_runner import OpenRunner
from service.inference.outputs import Output, read_output
from service.inference.readers import read_description
from service.inference.runner import Runner
from service.inference.session import Declared, inspect, open_session, read_placement
from service.inference.trial import FLOATS, Trial
from service.settings import Colour, Settings

logger = logging.getLogger("service")
TRIED_SIDE, OTHER_SIDES = 128, (160, 96)  # pixels, of models that leave them open
Result = tuple[int, NDArray[np.float32]]  # index of the best class, probabilities (classes,)
Outcome = Result | NotANumberError | LimitError


class Model:
    """A loaded and warmed model."""

    def __init__(self, name: str, version: int, path: Path, device: Device, settings: Settings) -> None:
        """Load the file and warm it up.

        Raises:
            ModelError: The file is no model, or no classifier of images.
            DeviceError: It cannot run on the device, or with SERVICE_DEVICE=cuda not all of it.
        """
        self.name, self.version, self.path = name, version, path
        self.stamp = stamp(path)
        declared, metadata = _inspect_input(path)
        self.description = read_description(metadata, path.parent)
        self._graph: GraphFile | None = GraphFile(path)
        says_values = self.description.get("range") or self.description.get("mean") or self.description.get("std")
        if declared.dtype in FLOATS and not says_values and self._graph.takes_bytes(declared.name):
            self.description.settle("range", (0.0, 255.0), f"{GUESSED} from the graph's first operation")
        self.input = read_image_tensor(declared, self.description)
        self.background: Colour = self.description.settle("background", settings.background)
        self.description.settle("resize", "fit")
        self._output: Output | None = None  # until a session has been tried
        self.outputs: list[Declared] = []  # all that the file has, its own
        self.runner: Runner | OpenRunner = self._start_runner(
            source := self._graph.find_source(self.input), path.parent, device, settings.max_batch
        )
        self.takes_own_tensor: bool = source == path  # and not pixels in its place
        if self._graph.labels:
            self.description.settle("labels", self._graph.labels, "the graph")
        self._graph = None  # a large file's takes memory
        assert self._output is not None
        self.output_name: str = self._output.name
        self.classes: int = self._output.classes
        self.obstacle: str = self._output.obstacle  # why images run one by one; "" where they share a batch
        self._activation: Activation | None = self._output.activation
        self.device: Device = self.runner.device
        self.labels: list[Label] = self.description.find_labels(self.classes)
        self.title: str = self.description.get("title") or name
        self.label_json: list[bytes] = [json.dumps(label).encode() for label in self.labels]
        self.provenance: dict[str, str] = self.description.provenance  # of each key: its value and who says it
        if self.description.taken:
            logger.info("%s: %s.", name, self.description.taken)
        if self.obstacle:
            logger.info("%s: images run one by one, because %s.", name, self.obstacle)

    def run(self, images: Sequence[NDArray[np.uint8]]) -> list[Outcome]:
        """A result for each of N images (H, W, C) uint8, N at most `max_batch`; an error where there is none.

        Raises:
            DeviceLostError: The device has failed.
        """
        try:
            outputs = self.runner.run(images)
        except LimitError as error:
            return [error] * len(images)
        if self._activation is not None:
            outputs = self._activation(outputs)
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
    def batch_s(self) -> float:
        """Seconds that a run of the largest batch took at the start."""
        return self.runner.batch_s

    @property
    def slots(self) -> int:
        """Threads that may call `run` at once."""
        return self.device.slots

    @property
    def is_quick(self) -> bool:
        """Whether the largest batch is over sooner than a change of threads pays, whatever the images' size."""
        return not self.input.open and self.batch_s <= self.device.inline_s

    def _start_runner(self, source: Path | bytes, folder: Path, device: Device, max_batch: int) -> Runner | OpenRunner:
        """A warm runner: without CUDA graphs where the model does not allow them, of one thread where it is quick."""
        passes_the_cpu = False
        if device.graphs:
            try:
                return self._try_runner(source, folder, device, max_batch)
            except ModelError as error:
                passes_the_cpu = isinstance(error, PartitionedGraphError)
                logger.info("%s: without CUDA graphs, and batches of one size only: %s", self.name, error)
        runner = self._try_runner(source, folder, replace(device, graphs=False), max_batch, passes_the_cpu)
        if device.threads > 1 and runner.batch_s <= device.inline_s:
            # On the event loop: a second thread gains less than waking it costs, and would wait for a slow model's.
            alone = self._try_runner(source, folder, replace(device, threads=1), max_batch)
            return alone if alone.batch_s <= device.inline_s else runner
        return runner

    def _try_runner(
        self, source: Path | bytes, folder: Path, device: Device, max_batch: int, passes_the_cpu: bool = False
    ) -> Runner | OpenRunner:
        session = open_session(source, device, folder, self._describe_shapes(source, max_batch))
        self.placement = read_placement(session, device)
        if passes_the_cpu and not self.placement.strays:
            self.placement = read_placement(session, device, every_one=True)
        if self.placement.strays:
            strays = f"{len(self.placement.strays)} nodes run on the CPU: {', '.join(self.placement.strays[:5])}"
            if device.strict:
                raise DeviceError(f"SERVICE_DEVICE={device.name}, but {strays}. SERVICE_DEVICE=auto allows that.")
            logger.warning("%s: %s. Each batch is copied between the GPU and the CPU.", self.name, strays)
        if self._output is None:
            self._output = self._try_output(session, max_batch)
        if self.input.open:
            return OpenRunner(session, device, self._tried_shape, self._output.name)
        return Runner(session, device, self._tried_shape, 1 if self._output.obstacle else max_batch, self._output.name)

    @property
    def _tried_shape(self) -> tuple[int, int, int]:
        """Of the images of the warm-up: height, width, channels."""
        return self.input.height or TRIED_SIDE, self.input.width or TRIED_SIDE, self.input.channels

    def _try_output(self, session: ort.InferenceSession, max_batch: int) -> Output:
        """The output of the classes, as pictures of our own show it."""
        assert self._graph is not None
        trial = Trial(session, self._tried_shape, self.input.batch)
        nodes = [node for node in session.get_outputs() if node.name not in self._graph.added]
        outputs = self.outputs = [Declared(node.name, node.type, list(node.shape)) for node in nodes]
        if self.input.open:
            return self._try_sizes(session, outputs, trial)
        output = read_output(outputs, trial, self._graph.last_operation, max_batch, self.description)
        if output.obstacle and (self.input.batch or 1) > 1:
            raise ModelError(f"it takes batches of {self.input.batch} images only, and {output.obstacle}")
        return output

    def _try_sizes(self, session: ort.InferenceSession, outputs: list[Declared], trial: Trial) -> Output:
        """As `_try_output`, where pictures keep their own sizes: the classes must be as many for each."""
        assert self._graph is not None
        try:
            output = read_output(outputs, trial, self._graph.last_operation, 1, self.description)
            other = Trial(session, (*OTHER_SIDES, self.input.channels), self.input.batch).rows_of(output.name)
        except ModelError as error:
            raise ModelError(f"{error}. Its input's size is open; {PREFIX}size gives it one") from error
        expected = trial.rows_of(output.name)
        if other is None or expected is None or other.shape != expected.shape:
            raise ModelError(
                f"output {output.name!r} has another length for pictures of another size; a classifier's does not"
            )
        return output._replace(obstacle="they keep their own sizes")

    def _describe_shapes(self, source: Path | bytes, max_batch: int) -> tuple[str, str, str] | None:
        if self.input.batch or self.input.open:
            return None
        name = self.input.name if isinstance(source, Path) else PIXELS
        shape = f"{self.input.height}x{self.input.width}x{self.input.channels}"
        return f"{name}:1x{shape}", f"{name}:{max_batch}x{shape}", f"{name}:{max_batch}x{shape}"


def stamp(path: Path) -> tuple[int, int, int]:
    """What changes when the file does.

    Raises:
        OSError: There is none any longer.
    """
    seen = path.stat()
    return seen.st_size, seen.st_mtime_ns, seen.st_ino


def _inspect_input(path: Path) -> tuple[Declared, dict[str, str]]:
    """The only input of a file, and the file's metadata; the session, which has the weights, is gone afterwards."""
    session = inspect(path)
    inputs = [Declared(node.name, node.type, list(node.shape)) for node in session.get_inputs()]
    if len(inputs) != 1:
        raise ModelError(f"it has {len(inputs)} inputs; an image classifier has one")
    return inputs[0], dict(session.get_modelmeta().custom_metadata_map)


def sound(outcomes: Sequence[Outcome]) -> list[Result]:
    """The results, where there is one for each image.

    Raises:
        NotANumberError: One is no number.
        LimitError: The model cannot run on an image of that size.
    """
    for outcome in outcomes:
        if isinstance(outcome, ServiceError):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, ServiceError)]
