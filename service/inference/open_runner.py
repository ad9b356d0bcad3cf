"""A session whose images keep their own size: each is run by itself, since no two need be alike."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.errors import DeviceLostError, LimitError
from service.inference.device import Device
from service.inference.onnx_runtime import first_line, ort, run_options


class OpenRunner:
    """Runs images of any size, one after the other; any number of threads may call `run`."""

    sizes, max_batch, works = (1,), 1, True

    def __init__(
        self, session: ort.InferenceSession, device: Device, image_shape: tuple[int, int, int], output: str
    ) -> None:
        """`image_shape` is of the image that is timed; `output` is the name of the output of the classes."""
        self.session, self.device, self.image_shape, self._output = session, device, image_shape, output
        self._input: str = session.get_inputs()[0].name
        self._options = run_options()
        image = np.zeros(image_shape, np.uint8)
        self.run([image])  # the first run takes longer
        started = time.perf_counter()
        self.run([image])
        self.batch_s = time.perf_counter() - started

    def run(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Outputs (N, values) of N images (H, W, C) uint8.

        Raises:
            LimitError: The model cannot run on an image of that size.
            DeviceLostError: The device has failed.
        """
        return np.concatenate([self._run_one(image) for image in images])

    def close(self) -> None:
        """End; there is nothing to end."""

    def _run_one(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            (output,) = self.session.run([self._output], {self._input: image[np.newaxis]}, self._options)
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            if self.device.memory == "cpu":
                height, width = image.shape[:2]
                raise LimitError(
                    f"the model cannot run on an image of {width}x{height}: {first_line(error)}"
                ) from error
            self.works = False
            raise DeviceLostError(f"the device that runs the model has failed: {first_line(error)}") from error
        return np.asarray(output, np.float32).reshape(1, -1)
