"""Which output of a model holds the classes, how many they are, and what makes probabilities of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from service.errors import ModelError
from service.inference.activation import Activation, are_probabilities, as_it_is, choose_activation
from service.inference.description import GUESSED, PREFIX, SHAPE, Description
from service.inference.session import Declared
from service.inference.trial import FLOATS, Rows, Trial

NAMES = ("probabilities", "probs", "scores", "logits")  # of what is meant, among several outputs


class Output(NamedTuple):
    """The output of the classes."""

    name: str
    classes: int
    activation: Activation | None  # (N, values) to probabilities (N, classes); None where they are the same
    obstacle: str  # why images must run one by one; "" where they share a batch


def read_output(
    outputs: list[Declared],
    trial: Trial,
    last_operation: Callable[[str], str],
    max_batch: int,
    description: Description,
) -> Output:
    """The output of the classes, found by what is said, by its form, by its numbers, by its name.

    Raises:
        ModelError: None is one of a classifier, or several could be; or a number is none.
    """
    name, rows = _choose(outputs, trial, description)
    sound = [not (np.isnan(row) | np.isposinf(row)).any() for row in rows]  # a logit may be minus infinity
    if not sound[0]:
        raise ModelError(f"output {name!r} is not a number (NaN or infinite) for an image of noise")
    activation = choose_activation(rows[sound], lambda: last_operation(name), description)
    probabilities = activation(rows[:1])
    if not np.isfinite(probabilities).all():
        raise ModelError(f"output {name!r} is not a number (NaN or infinite) for an image of noise")
    classes = probabilities.shape[1]
    obstacle = trial.find_obstacle(name, max_batch)
    return Output(name, classes, None if activation is as_it_is else activation, obstacle)


def _choose(outputs: list[Declared], trial: Trial, description: Description) -> tuple[str, Rows]:
    """The name of the output, and its numbers for the trial's pictures."""
    told = ", ".join(f"{output.name!r} {output.dtype}" for output in outputs) or "none"
    floats = [output.name for output in outputs if output.dtype in FLOATS]
    said = description.get("output")
    if said is not None:
        if said not in floats:
            raise ModelError(f"{description.source('output')} is {said!r}; the model's outputs are {told}")
        floats = [said]
    if not floats:
        raise ModelError(f"no output of it is a classifier's, probabilities or logits; its outputs are {told}")
    rows = {name: found for name in floats if (found := trial.rows_of(name)) is not None}
    if not rows:
        shapes = ", ".join(f"{name!r} has shape {trial.shape_of(name)}" for name in floats)
        raise ModelError(f"output {shapes}; a classifier's is (N, classes), for pictures of any size")
    name, source = _choose_from(rows, trial)
    if said is None and len(outputs) > 1:
        description.settle("output", name, source)
    return name, rows[name]


def _choose_from(rows: dict[str, Rows], trial: Trial) -> tuple[str, str]:
    """One of several outputs that could be meant, and by what it was found."""
    if len(rows) == 1:
        return next(iter(rows)), SHAPE
    # Beside (N, classes), what has no axis for the batch is of no picture: a mean or a variance.
    batched = [name for name in rows if len(trial.shape_of(name)) > 1] or list(rows)
    if len(batched) == 1:
        return batched[0], SHAPE
    sure = [name for name in batched if rows[name].shape[1] > 1 and are_probabilities(rows[name])]
    if len(sure) == 1:
        return sure[0], f"{GUESSED}: its numbers sum to 1"
    named = [name for name in sure or batched if name.lower() in NAMES]
    if len(named) == 1:
        return named[0], f"{GUESSED} from its name"
    raise ModelError(f"which output is meant, {' or '.join(map(repr, sure or batched))}? Say {PREFIX}output")
