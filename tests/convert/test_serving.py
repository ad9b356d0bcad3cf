"""What may differ between the Keras model and the service's probabilities."""

import numpy as np

from convert.parity import find_unit
from convert.serving import as_probabilities, of_probabilities

ALLOWED = 1e-3


def moved_by(logits: np.ndarray, moved: np.ndarray) -> float:
    before, after = (as_probabilities(values.astype(np.float32), "softmax") for values in (logits, moved))
    return float(np.abs(before - after).max())


def test_no_logits_within_what_is_allowed_make_more_of_it() -> None:
    random = np.random.default_rng(1)
    for spread in (0.1, 1, 10, 100):
        logits = random.normal(scale=spread, size=(200, 10)).astype(np.float32)
        moved = logits + ALLOWED * find_unit(logits) * random.choice((-1.0, 1.0), logits.shape)
        assert moved_by(logits, moved) <= of_probabilities(ALLOWED, logits) + 1e-6


def test_nearly_all_of_it_is_needed() -> None:
    """Two classes that are as likely: one rises, the other falls."""
    logits = np.array([[0.0, 0.0], [10.0, -10.0]], np.float32)
    step = ALLOWED * find_unit(logits)
    assert moved_by(logits, logits + np.array([step, -step])) > 0.99 * of_probabilities(ALLOWED, logits)
