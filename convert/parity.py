"""Compares the ONNX model with the model it came from, answer by answer.

The ONNX side runs in batches of 1, 7 and 64 in turn (fewer of large images), the TensorFlow side in the largest of
them: equal answers prove the dynamic batch as well as the arithmetic. Both run with every optimization they have.

Two exact computations of a deep model differ by its rounding, and how much rounding moves it is the model's own. So it
is measured: the TensorFlow side runs once more with each pixel moved by its last bit (one ulp), and a difference of the
same order is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import onnxruntime as ort
import tensorflow as tf
from numpy.typing import NDArray

from convert.errors import GraphError, ParityError, first_line
from convert.images import Images, Pixels
from convert.source import Source

LARGEST_BATCH = 64
BATCH_NUMBERS = 1_250_000  # of all pixels in a batch, 8 images of 224x224: their activations take a hundredfold
OWN_FACTOR = 8  # a last bit moves at the input only, rounding in every layer; the most of keras.applications is 4.3
OWN_LIMIT = 0.01  # of the spread: a model that moves by more than this answers by chance

Outputs = NDArray[np.float32]  # (n, classes)
Prepare = Callable[[Images], Pixels]


@dataclass(frozen=True)
class Parity:
    """How two models compare on the same images; differences are shares of the spread of the outputs.

    Probabilities count as they are. The spread of logits is how far a class's logit moves from image to image.
    """

    images: int
    difference: float  # the largest
    own: float  # the largest that a last bit of the pixels makes in the original; 0 where it has not been measured
    allowed: float
    agreement: (
        float  # share of the images, 0..1, whose class is the same; ties within what is allowed count as the same
    )
    classes: int  # how many occur
    flat: bool  # every image got the same answer, so the comparison proves little


def batch_sizes(images: Images) -> tuple[int, ...]:
    """The sizes of batches of these images, (n, height, width, channels), smallest first."""
    largest = max(1, min(LARGEST_BATCH, BATCH_NUMBERS // max(1, images[0].size)))
    return tuple(sorted({1, min(7, largest), largest}))


def run_source(source: Source, images: Images, prepare: Prepare) -> Outputs:
    """TensorFlow's outputs (n, classes) for images (n, height, width, channels), which `prepare` makes pixels of."""
    size = batch_sizes(images)[-1]
    starts = range(0, len(images), size)
    with tf.device("/CPU:0"):  # a GPU's TF32 convolutions are off by more than the tolerance
        return np.concatenate([source.function(prepare(images[i : i + size]))["output"] for i in starts])


def run_onnx(model: bytes, images: Images, prepare: Prepare) -> Outputs:
    """ONNX Runtime's outputs (n, classes) on the CPU. Raises GraphError when it cannot load or run the model."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        outputs, start = [], 0
        for size in cycle(batch_sizes(images)):
            if start >= len(images):
                break
            outputs.append(session.run(None, {"image": prepare(images[start : start + size])})[0])
            start += size
    except Exception as err:  # ONNX Runtime has no common base class for its errors
        raise GraphError(f"ONNX Runtime cannot run the converted model ({first_line(err)}).") from err
    return np.concatenate(outputs)


def move_last_bits(pixels: Pixels) -> Pixels:
    """Each of these float32 pixels one step up or down to the next float32, at random, the same at each call."""
    up = np.random.default_rng(0).integers(0, 2, pixels.shape, np.int8).astype(np.bool_)
    moved: Pixels = np.nextafter(pixels, np.where(up, np.float32(np.inf), np.float32(-np.inf)))
    return moved


def compare(expected: Outputs, actual: Outputs, moved: Outputs | None = None, *, tolerance: float) -> Parity:
    """How far `actual` is from `expected`; `moved` is the original's answer to images whose last bits were moved.

    Raises ParityError when the difference is more than `tolerance` and more than the model's own rounding explains, or
    an image gets another class.
    """
    if not np.isfinite(expected).all():
        raise ParityError(
            "The Keras model itself answers NaN or infinity for some images; look for a division by zero in it."
        )
    unit = find_unit(expected)
    difference = float(np.abs(actual - expected).max()) / unit
    own = 0.0 if moved is None else float(np.abs(moved - expected).max()) / unit
    allowed = max(tolerance, min(OWN_FACTOR * own, OWN_LIMIT))
    rows = np.arange(len(expected))
    chosen = np.nan_to_num(actual, nan=-np.inf).argmax(axis=1)
    agreement = float((expected[rows, chosen] >= expected.max(axis=1) - allowed * unit).mean())
    # Written so that a NaN fails: it compares false with everything.
    if not (difference <= allowed and agreement == 1.0):
        way_out = (
            "where that is exact enough, --tolerance takes it"
            if agreement == 1.0
            else "the graph computes something else: another --opset may write another one"
        )
        raise ParityError(
            f"ONNX Runtime differs from Keras on {len(expected):,} images: largest difference {difference:.1e}, "
            f"allowed {allowed:.1e} (Keras itself moves by {own:.1e} with the last bit of each pixel), "
            f"classes agree on {agreement:.2%}; nothing was written ({way_out})."
        )
    classes = len(np.unique(expected.argmax(axis=1)))
    return Parity(
        len(expected),
        difference,
        own,
        allowed,
        agreement,
        classes,
        float(np.ptp(expected, axis=0).max()) <= tolerance * unit,
    )


def find_unit(expected: Outputs) -> float:
    """What a difference is a share of: 1 for probabilities, the spread for logits."""
    if (expected >= 0).all() and (expected <= 1).all():
        return 1.0
    movement, largest = float(np.ptp(expected, axis=0).max()), float(np.abs(expected).max())
    # Logits that hardly move are an untrained model's: their spread is rounding, and their size is the measure.
    return movement if movement > 1e-3 * largest else largest
