"""Runs of a model on pictures of our own, before it serves: what its outputs look like, and if pictures share a batch.

pictures (H, W, C) uint8 → session → each output of floats → rows (N, values), one for each picture
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelError
from service.inference.onnx_runtime import first_line, ort, run_options

FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
TOGETHER = 3  # pictures in the batch that is compared with each alone
RELATIVE = 0.02  # of the spread of all numbers: float16 and another order of sums differ by less
ABSOLUTE = 1e-4
Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]


class Trial:
    """A session that is tried with a few pictures, which differ in brightness, colours and detail."""

    def __init__(self, session: ort.InferenceSession, shape: tuple[int, int, int], batch: int | None) -> None:
        """Pictures have the shape (height, width, channels); `batch` is the only batch size, None for any."""
        self._session, self._batch = session, batch
        self._names = [node.name for node in session.get_outputs() if node.type in FLOATS]
        self.pictures = make_pictures(shape)

    @cached_property
    def alone(self) -> list[dict[str, NDArray[np.generic]]]:
        """The outputs of floats by name, for each picture as if it were the only one.

        Raises:
            ModelError: The model cannot run on a picture.
        """
        try:
            return [self._run([picture] * (self._batch or 1)) for picture in self.pictures]
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            height, width = self.pictures[0].shape[:2]
            raise ModelError(f"it cannot run on an image of {height}x{width}: {first_line(error)}") from error

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Shape of an output, of one picture or of the only batch there is."""
        return self.alone[0][name].shape

    def rows_of(self, name: str) -> Rows | None:
        """The numbers (pictures, values) of an output, each picture alone; None where it has not one row for each."""
        rows = [read_rows(outputs[name], self._batch or 1) for outputs in self.alone]
        found = [each[:1] for each in rows if each is not None]
        alike = len(found) == len(rows) and len({each.shape for each in found}) == 1
        return np.concatenate(found) if alike else None

    def find_obstacle(self, name: str, max_batch: int) -> str:
        """Why pictures must run one by one; "" where each has the same numbers in a batch and alone."""
        count = self._batch or min(TOGETHER, max_batch)
        if count < 2:
            return ""
        pictures = [self.pictures[index % TOGETHER] for index in range(count)]
        alone = self.rows_of(name)
        assert alone is not None
        try:
            together = read_rows(self._run(pictures)[name], count)
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            return f"it cannot run on {count} images: {first_line(error)}"
        expected = alone[[index % TOGETHER for index in range(count)]]
        tolerance = RELATIVE * float(np.ptp(expected[np.isfinite(expected)])) + ABSOLUTE
        if together is not None and together.shape == expected.shape:
            if np.allclose(together, expected, rtol=0, atol=tolerance, equal_nan=True):
                return ""
            return "its answers depend on the other images of a batch"
        return f"it does not give a row for each of {count} images"

    def _run(self, pictures: Sequence[Pixels]) -> dict[str, NDArray[np.generic]]:
        feeds = {self._session.get_inputs()[0].name: np.stack(pictures)}
        return dict(zip(self._names, self._session.run(self._names, feeds, run_options()), strict=True))


def read_rows(output: NDArray[np.generic], count: int) -> Rows | None:
    """Numbers (count, values) of an output, None where it does not have one row of them for each picture."""
    sides = output.shape if count == 1 else output.shape[1:]
    if sum(side != 1 for side in sides) > 1 or not output.size or (count > 1 and output.shape[:1] != (count,)):
        return None
    return output.reshape(count, -1).astype(np.float32)


def make_pictures(shape: tuple[int, int, int]) -> list[Pixels]:
    """TOGETHER pictures (H, W, C): noise, dark noise, and a coloured ramp."""
    height, width, channels = shape
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    colour = np.array([240, 120, 180, 200])[:channels]
    across, down = np.linspace(0.5, 1, width)[np.newaxis, :, np.newaxis], np.linspace(0.4, 1, height)
    ramp = colour * across * down[:, np.newaxis, np.newaxis]
    return [noise, noise // 5, ramp.astype(np.uint8)]
