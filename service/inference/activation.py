"""A model's numbers to probabilities: chosen once, when the model is loaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelError
from service.inference.description import GUESSED, Description

Rows = NDArray[np.float32]
Activation = Callable[[Rows], Rows]
NEAR = 1e-2  # how near to 1 a sum of probabilities is
SIGMOIDS = ("Sigmoid", "QLinearSigmoid", "HardSigmoid")
LINEAR = ("Add", "MatMul", "Gemm", "Conv", "BatchNormalization", "QGemm", "QLinearMatMul", "QLinearConv")
SOFTMAXES = ("Softmax", "QLinearSoftmax")


def softmax(logits: Rows) -> Rows:
    """Probabilities (N, classes) of logits (N, classes)."""
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def sigmoid(logits: Rows) -> Rows:
    """A probability of each logit; exp(-logit) itself could be too large."""
    return np.asarray((1 + np.tanh(logits / 2)) / 2, np.float32)


def as_it_is(rows: Rows) -> Rows:
    """The numbers themselves."""
    return rows


def of_percentages(rows: Rows) -> Rows:
    """Probabilities of percentages."""
    return np.asarray(rows / 100, np.float32)


def of_two(rows: Rows) -> Rows:
    """Probabilities (N, 2) of the second class (N, 1)."""
    return np.concatenate((1 - rows, rows), axis=1)


def of_two_logits(rows: Rows) -> Rows:
    """Probabilities (N, 2) of a logit of the second class (N, 1)."""
    return of_two(sigmoid(rows))


def are_probabilities(rows: Rows) -> bool:
    """Whether each row is of numbers that sum to 1."""
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=NEAR))


def choose_activation(rows: Rows, last_operation: Callable[[], str], description: Description) -> Activation:
    """What makes probabilities of numbers such as these (N, values), of a few pictures.

    What is said counts, then sums of 1, then the graph's last operation: sigmoids of several labels cannot be told from
    logits by their numbers.

    Raises:
        ModelError: What is said makes no sense.
    """
    said, single = description.get("activation"), rows.shape[1] == 1
    if said is not None:
        if single and said == "softmax":
            raise ModelError(f"{description.source('activation')} is softmax, and the model gives one number")
        chosen = {"none": of_two, "sigmoid": of_two_logits} if single else {"none": as_it_is, "sigmoid": sigmoid}
        return chosen.get(said, softmax)
    if not single and are_probabilities(rows):
        description.settle("activation", "none")
        return as_it_is
    operation = last_operation()
    is_share = single and operation not in LINEAR and ((rows >= 0) & (rows <= 1)).all()
    if operation in SIGMOIDS or is_share:
        description.settle("activation", "none", f"{GUESSED}: {operation or 'numbers of 0 to 1'}")
        return of_two if single else as_it_is
    if single:
        description.settle("activation", "sigmoid", f"{GUESSED}: one logit")
        return of_two_logits
    if (rows >= 0).all() and np.allclose(rows.sum(axis=1), 100, atol=100 * NEAR):
        description.settle("activation", "none", f"{GUESSED}: percentages, divided by 100")
        return of_percentages
    if operation in SOFTMAXES:
        description.settle("activation", "none", f"{GUESSED}: {operation}")
        return as_it_is
    description.settle("activation", "softmax", f"{GUESSED}: logits")
    return softmax
