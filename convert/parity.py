"""Compares the ONNX model with the model it came from, answer by answer.

The ONNX side runs in batches of 1, 7 and 64 in turn, the TensorFlow side in batches of 64: equal answers prove the
dynamic batch as well as the arithmetic.
"""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import onnxruntime as ort
import tensorflow as tf
from numpy.typing import NDArray

from convert.errors import GraphError, ParityError, first_line
from convert.source import Source

BATCH_SIZES = (1, 7, 64)
REFERENCE_BATCH = 64

Outputs = NDArray[np.float32]  # (n, classes)


@dataclass(frozen=True)
class Parity:
    """How two models compare on the same images.

    `difference` is the largest absolute one; where outputs exceed 1 (logits), it is divided by the largest of them.
    """

    images: int
    difference: float
    agreement: float  # share of the images, 0..1, whose class is the same; ties within the tolerance count as the same
    flat: bool  # every image got the same answer, so the comparison proves little


def run_source(source: Source, images: NDArray[Any]) -> Outputs:
    """TensorFlow's outputs (n, classes) for images (n, height, width, channels)."""
    with tf.device("/CPU:0"):  # a GPU's TF32 convolutions are off by more than the tolerance
        batches = [
            source.function(images[i : i + REFERENCE_BATCH])["output"] for i in range(0, len(images), REFERENCE_BATCH)
        ]
    return np.concatenate([np.asarray(batch) for batch in batches])


def run_onnx(model: bytes, images: NDArray[Any]) -> Outputs:
    """ONNX Runtime's outputs (n, classes) on the CPU. Raises GraphError when it cannot load or run the model."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        outputs, start = [], 0
        for size in cycle(BATCH_SIZES):
            if start >= len(images):
                break
            outputs.append(session.run(None, {"image": images[start : start + size]})[0])
            start += size
    except Exception as err:  # ONNX Runtime has no common base class for its errors
        raise GraphError(f"ONNX Runtime cannot run the converted model ({first_line(err)}).") from err
    return np.concatenate(outputs)


def compare(expected: Outputs, actual: Outputs, tolerance: float) -> Parity:
    """How far `actual` is from `expected`.

    Raises ParityError when it is more than `tolerance`, or an image gets another class.
    """
    if not np.isfinite(expected).all():
        raise ParityError(
            "The Keras model itself answers NaN or infinity for some images; look for a division by zero in it."
        )
    difference = float(np.abs(actual - expected).max() / max(1.0, float(np.abs(expected).max())))
    rows = np.arange(len(expected))
    chosen = np.nan_to_num(actual, nan=-np.inf).argmax(axis=1)
    agreement = float((expected[rows, chosen] >= expected.max(axis=1) - tolerance).mean())
    flat = float(np.ptp(expected, axis=0).max()) <= tolerance
    # Written so that a NaN fails: it compares false with everything.
    if not (difference <= tolerance and agreement == 1.0):
        raise ParityError(
            f"ONNX Runtime differs from Keras on {len(expected):,} images: largest difference {difference:.1e}, "
            f"tolerance {tolerance:.1e}, classes agree on {agreement:.2%}; nothing was written "
            "(rounding in a deep model may need a larger --tolerance)."
        )
    return Parity(len(expected), difference, agreement, flat)
