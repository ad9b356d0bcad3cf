"""What a model in another precision costs and saves, measured beside the one that it was made from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convert.adapters import as_classes
from convert.errors import LossError, SourceError
from convert.parity import Outputs, Prepare, run_onnx
from convert.precision import Numbers
from convert.samples import Samples
from convert.speed import name_processor, time_in_turn

LEAST_IMAGES = 50
CALIBRATED = 200  # images at most, and a fifth of them
BATCHES = (1, 16)


@dataclass(frozen=True)
class Loss:
    """The share of images that were right before and after; without their classes, that are as before."""

    images: int
    before: float
    after: float
    labelled: bool

    def __str__(self) -> str:
        if self.labelled:
            return f"{self.before:.2%} → {self.after:.2%} of {self.images:,} images are right"
        return f"{self.after:.2%} of {self.images:,} images get the same class as in float32"


def choose_calibration(samples: Samples, precision: str) -> NDArray[np.bool_]:
    """Which images calibrate, evenly out of all; the others are for measuring. float16 needs none.

    Raises SourceError when there are too few, or only made ones.
    """
    count = len(samples.images)
    if samples.kind == "made" or count < LEAST_IMAGES:
        have = "only made ones are there" if samples.kind == "made" else f"there are {count}"
        raise SourceError(
            f"--{precision} is measured on at least {LEAST_IMAGES} pictures of the kind that the model will see, and "
            f"{have}; give them with --data, an .npz file or a folder of PNGs."
        )
    chosen = np.zeros(count, bool)
    if precision == "int8":
        chosen[np.linspace(0, count - 1, min(CALIBRATED, count // 5), dtype=int)] = True
    return chosen


def measure_loss(models: tuple[bytes, bytes], samples: Samples, prepare: Prepare, most: float, precision: str) -> Loss:
    """How many images are right, or as before, of two ONNX models: the one before, and the one after.

    Raises LossError when the share is smaller by more than `most`, or an answer is no number.
    """
    rows = as_classes(*(run_onnx(model, samples.images, prepare) for model in models))
    if not np.isfinite(rows[1]).all():
        raise LossError(f"In {precision} some answers are no numbers; nothing was written. Leave --{precision} out.")
    loss = compare_classes(rows[0], rows[1], samples.classes)
    if loss.before - loss.after > most:
        needed = np.ceil((loss.before - loss.after) * 1000) / 1000
        raise LossError(
            f"{precision} loses {loss.before - loss.after:.2%} of the images ({loss}), and --most-loss is {most:g}; "
            f"nothing was written. Leave --{precision} out, or allow it with --most-loss {needed:g}."
        )
    return loss


def compare_classes(before: Outputs, after: Outputs, classes: NDArray[np.int64] | None) -> Loss:
    """The loss from the outputs (n, classes) of both."""
    expected = before.argmax(axis=1) if classes is None else classes
    right = before.argmax(axis=1) == expected, after.argmax(axis=1) == expected
    return Loss(len(expected), float(right[0].mean()), float(right[1].mean()), classes is not None)


def describe_speed(before: bytes, after: bytes, numbers: Numbers) -> str:
    """One line: microseconds an image of both, for each batch size, on one thread of the named processor."""
    told = []
    for batch in BATCHES:
        old, new = time_in_turn((before, after), numbers[:batch])
        told.append(f"batch of {batch} {old:,.1f} → {new:,.1f} µs an image ({old / new:.2f} times as fast)")
    return f"{', '.join(told)}; {name_processor()}, one thread"
