"""A session and its buffers: images in, outputs out, for the batch sizes that were warmed.

    images → pinned pixels → the device's pixels → run → the device's outputs → float32 (N, values)

Buffers are allocated and bound once. On a GPU there are two sets of them, so that one batch is gathered and copied
while another one runs; all runs are on one thread, because ONNX Runtime keeps CUDA graphs for each thread. On the CPU
the pinned and the device's buffers are the same memory, nothing is copied, and runs are on the caller's thread.
"""

from __future__ import annotations

import logging
import math
import mmap
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceLostError, ModelError
from service.inference import cuda
from service.inference.device import Device
from service.inference.onnx_runtime import first_line, ort, run_options

logger = logging.getLogger("service")
MAX_BATCH_S = 0.025  # a batch that takes longer gains no throughput and costs latency
ALONE = threading.Lock()  # for what is timed, while other models are loaded
Image = NDArray[np.uint8]
Outputs = TypeVar("Outputs")


class Runner:
    """Runs batches; as many threads at once may call `run` as the device has slots."""

    def __init__(
        self,
        session: ort.InferenceSession,
        device: Device,
        image_shape: tuple[int, ...],
        max_batch: int,
        output: str,
    ) -> None:
        """Allocate, bind and warm up every batch size, smallest first, up to one that takes too long.

        `output` is the name of the output of the classes.

        Raises:
            ModelError: The model cannot run on an image, or is no classifier.
        """
        self.session, self.device, self.image_shape = session, device, image_shape
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device") if device.slots > 1 else None
        fixed = session.get_inputs()[0].shape[0]
        self.sizes = [fixed] if isinstance(fixed, int) and fixed > 0 else device.batch_sizes(max_batch)
        self.max_batch: int = self.sizes[-1]
        self._output = output
        outputs = self._probe_output()
        pixels = (self.max_batch, *image_shape)
        slots = [Slot(session, device, number, pixels, self._output, outputs) for number in range(device.slots)]
        self._slots: SimpleQueue[Slot] = SimpleQueue()
        self._lost = False
        self._warm_up(slots)
        for slot in slots:
            self._slots.put(slot)

    @property
    def works(self) -> bool:
        """Whether the device still answers."""
        return not self._lost

    def close(self) -> None:
        """End the thread of the runs."""
        if self._thread is not None:
            self._thread.shutdown()

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Outputs (N, values) of N images (H, W, C) uint8, N at most `max_batch`.

        A batch that does not fit into memory is run in halves, and later batches are no larger than what did fit.

        Raises:
            DeviceLostError: The device answers no more, not even to a single image.
        """
        if self._lost:
            raise DeviceLostError("the device that runs the model has failed; the server waits to be restarted")
        slot = self._slots.get()
        try:
            return self._run_in(slot, images)
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            if self._answers(slot):
                raise
            self._lost = True
            raise DeviceLostError(f"the device that runs the model has failed: {first_line(error)}") from error
        finally:
            self._slots.put(slot)

    def _run_in(self, slot: Slot, images: Sequence[Image]) -> NDArray[np.float32]:
        count = len(images)
        size = self.sizes[bisect_left(self.sizes, count)]
        np.concatenate(images, out=slot.rows[: count * self.image_shape[0]])
        try:
            return self._execute(slot, size)[:count]
        except Exception as error:
            smaller = [other for other in self.sizes if other < size]
            if not (smaller and cuda.is_out_of_memory(error)):
                raise
            self.max_batch = min(self.max_batch, smaller[-1])
            logger.warning("A batch of %d does not fit into memory; from now on %d: %s", size, self.max_batch, error)
        parts = [images[start : start + smaller[-1]] for start in range(0, count, smaller[-1])]
        return np.concatenate([self._run_in(slot, part) for part in parts])

    def _execute(self, slot: Slot, size: int) -> NDArray[np.float32]:
        """Outputs (size, values) of the first `size` images in the slot."""
        bound = slot.bound[size]
        if self.device.memory != "cpu":
            bound.pixels.update_inplace(slot.pixels[:size])

        def run() -> NDArray[np.float32]:
            self.session.run_with_iobinding(bound.binding, bound.options)
            return np.array(bound.read(), np.float32)  # a copy: the buffer is the next batch's

        return self._on_thread(run)

    def _on_thread(self, work: Callable[[], Outputs]) -> Outputs:
        return work() if self._thread is None else self._thread.submit(work).result()

    def _answers(self, slot: Slot) -> bool:
        """Whether the smallest batch still runs, with pixels that are known to."""
        slot.pixels[: self.sizes[0]] = 0
        try:
            self._execute(slot, self.sizes[0])
        except Exception as error:
            logger.critical("The device does not answer any more: %s", first_line(error))
            return False
        return True

    def _probe_output(self) -> NDArray[np.generic]:
        """What the smallest batch gives, from one run without bound buffers."""
        pixels = np.zeros((self.sizes[0], *self.image_shape), np.uint8)
        feeds = {self.session.get_inputs()[0].name: pixels}
        try:
            (outputs,) = self._on_thread(lambda: self.session.run([self._output], feeds, run_options()))
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            raise ModelError(f"it cannot run on an image: {first_line(error)}") from error
        return np.asarray(outputs)

    def _warm_up(self, slots: list[Slot]) -> None:
        """Run batches in every slot, up to one that takes too long or finds no memory. Sets `batch_s`."""
        with ALONE:
            largest, self.batch_s = self._find_largest(slots)
            self.sizes = self.sizes[: largest + 1]
            for slot in slots:
                for size in self.sizes:
                    if size not in slot.bound:
                        slot.bind(size)
            self.max_batch = self.sizes[-1]

    def _find_largest(self, slots: list[Slot]) -> tuple[int, float]:
        """Index of the largest size to run, and its seconds: one that takes too long, else the last with memory.

        On the CPU, where nothing has to be made for each size, most are skipped: what a batch takes tells how much
        larger the next one may be.
        """
        seconds = cache(partial(self._measure, slots))
        good = at = 0  # indices: of the last size that has run, and of the one that is tried
        while seconds(at) <= MAX_BATCH_S and at < len(self.sizes) - 1:
            farther = at + 1
            if not self.device.padded:
                farther = min(len(self.sizes), int((at + 1) * MAX_BATCH_S / seconds(at))) - 1
            if farther <= at:
                break
            good, at = at, farther
        if math.isinf(seconds(at)):  # there is memory for some size between the two
            at = next(index for index in range(good + 1, at + 1) if math.isinf(seconds(index))) - 1
        return at, seconds(at)

    def _measure(self, slots: list[Slot], index: int) -> float:
        """Seconds of a batch of that size, after one in every slot; infinite where there is no memory for it."""
        size = self.sizes[index]
        try:
            for slot in slots:
                slot.pixels[:size] = np.random.default_rng(0).integers(0, 256, (size, *self.image_shape), np.uint8)
                slot.bind(size)
                started = time.perf_counter()
                self._execute(slot, size)
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            if index == 0 or not cuda.is_out_of_memory(error):
                raise ModelError(f"it cannot run on {size} images: {first_line(error)}") from error
            logger.warning("A batch of %d does not fit into memory: %s", size, first_line(error))
            return math.inf
        took_s = time.perf_counter() - started
        return min(took_s, self._time(slots[0], size))

    def _time(self, slot: Slot, size: int) -> float:
        """Seconds of a batch, the shortest of three: a busy machine adds to any."""
        shortest = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            self._execute(slot, size)
            shortest = min(shortest, time.perf_counter() - started)
        return shortest


def make_buffer(shape: tuple[int, ...]) -> Image:
    """Zeros of that shape that take no memory before they are written to: of large pictures, a batch has few."""
    return np.frombuffer(mmap.mmap(-1, math.prod(shape)), np.uint8).reshape(shape)


class Bound:
    """The device's buffers of one batch size, bound to the session."""

    def __init__(
        self, session: ort.InferenceSession, pixels: ort.OrtValue, name: str, outputs: ort.OrtValue, graph: int
    ) -> None:
        """`outputs` are the place of the output of that name."""
        self.pixels = pixels
        self.read: Callable[[], NDArray[np.generic]] = outputs.numpy  # (size, values)
        size, shape = pixels.shape()[0], outputs.shape()
        if len(shape) != 2 or shape[0] != size:
            self.read = lambda: outputs.numpy().reshape(size, -1)
        self.binding = session.io_binding()
        self.binding.bind_ortvalue_input(session.get_inputs()[0].name, pixels)
        self.binding.bind_ortvalue_output(name, outputs)
        self.options = run_options(graph) if graph else None


class Slot:
    """The buffers of one batch under way."""

    def __init__(
        self,
        session: ort.InferenceSession,
        device: Device,
        number: int,
        shape: tuple[int, ...],
        output: str,
        smallest: NDArray[np.generic],
    ) -> None:
        """`smallest` is what the output of that name is for the smallest batch."""
        self._session, self._device, self._number, self._output = session, device, number, output
        self.pixels = make_buffer(shape)  # (max_batch, H, W, C)
        self.rows = self.pixels.reshape(-1, *shape[2:])  # the same buffer, image after image
        # Of one image, the output may have no axis for the batch.
        batched = shape[0] > 1 and smallest.ndim > 0
        self._outputs = np.zeros((shape[0], *smallest.shape[1:]) if batched else smallest.shape, smallest.dtype)
        self.bound: dict[int, Bound] = {}
        if device.memory != "cpu" and not cuda.pin(self.pixels):
            logger.warning("Memory could not be pinned; copies to the GPU are slower.")

    def bind(self, size: int) -> None:
        """Allocate and bind the device's buffers for batches of `size`."""
        place = self._device.memory, 0  # on the CPU, the same memory
        pixels = ort.OrtValue.ortvalue_from_numpy(self.pixels[:size], *place)
        whole = size == len(self.pixels)
        outputs = ort.OrtValue.ortvalue_from_numpy(self._outputs if whole else self._outputs[:size], *place)
        # A CUDA graph has the addresses of its buffers in it, so each slot and size has one of its own.
        graph = self._number * (len(self.pixels) + 1) + size if self._device.graphs else 0
        self.bound[size] = Bound(self._session, pixels, self._output, outputs, graph)
