"""How sure the student is: its logits are divided by one temperature, which is folded into its last layer.

A higher one doubts more of what is no digit, and says less than it knows of what is one. So it is the highest that
leaves the probabilities calibrated, on pictures of the training set, as they are and changed. No class changes.

After Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
"""

import keras
import numpy as np
from numpy.typing import NDArray

from train.evaluation import Labels, calibration_error

Logits = NDArray[np.float32]  # (N, 10)
TEMPERATURES = tuple(hundredths / 100 for hundredths in range(100, 201))
CLEAN_ERROR, CHANGED_ERROR = 1.0, 5.0  # per cent, the goals of the external test


def choose_temperature(clean: Logits, clean_labels: Labels, changed: Logits, changed_labels: Labels) -> float:
    """The highest of TEMPERATURES at which both calibration errors keep within their bounds; 1 if none does."""
    kept = [
        each
        for each in TEMPERATURES
        if calibration_error(_softmax(clean / each), clean_labels) <= CLEAN_ERROR
        and calibration_error(_softmax(changed / each), changed_labels) <= CHANGED_ERROR
    ]
    return max(kept, default=1.0)


def fold(student: keras.Model, temperature: float) -> None:
    """Divide the logits that the student answers from now on."""
    layer = student.get_layer("logits")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def _softmax(logits: Logits) -> Logits:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
