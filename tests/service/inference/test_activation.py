from __future__ import annotations

import numpy as np
import pytest

from service.errors import ModelError
from service.inference.activation import choose_activation, sigmoid, softmax
from service.inference.description import Description, Said

ONES = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
SHARES = np.array([[0.2, 0.9], [0.1, 0.3]], np.float32)
LOGITS = np.array([[-2, 3], [4, 1]], np.float32)
CASES = [
    (ONES, "Div", ONES),
    (SHARES, "Sigmoid", SHARES),  # of several labels
    (SHARES, "Gemm", softmax(SHARES)),  # small logits
    (LOGITS, "Gemm", softmax(LOGITS)),
    (100 * ONES, "Mul", ONES),
    (np.log(ONES), "LogSoftmax", ONES),
    (SHARES[:, :1], "Sigmoid", [[0.8, 0.2], [0.9, 0.1]]),
    (SHARES[:, :1], "Clip", [[0.8, 0.2], [0.9, 0.1]]),
    (SHARES[:, :1], "Add", np.hstack((1 - sigmoid(SHARES[:, :1]), sigmoid(SHARES[:, :1])))),  # a logit near 0
    (LOGITS[:, :1], "", np.hstack((1 - sigmoid(LOGITS[:, :1]), sigmoid(LOGITS[:, :1])))),
]


@pytest.mark.parametrize(("rows", "operation", "expected"), CASES)
def test_numbers_become_probabilities(rows: np.ndarray, operation: str, expected: np.ndarray) -> None:
    activation = choose_activation(rows, lambda: operation, Description())
    assert activation(rows) == pytest.approx(np.array(expected), abs=1e-6)


def test_what_is_said_counts() -> None:
    for word, expected in (("none", ONES), ("softmax", softmax(ONES)), ("sigmoid", sigmoid(ONES))):
        description = Description()
        description.add({"activation": Said(word, "the test")})
        assert choose_activation(ONES, lambda: "", description)(ONES) == pytest.approx(expected)
    description = Description()
    description.add({"activation": Said("softmax", "the test")})
    with pytest.raises(ModelError, match="the test is softmax, and the model gives one number"):
        choose_activation(ONES[:, :1], lambda: "", description)


def test_large_logits_overflow_nowhere() -> None:
    huge = np.array([[-1e30, 1e30]], np.float32)
    assert sigmoid(huge).tolist() == softmax(huge).tolist() == [[0, 1]]
