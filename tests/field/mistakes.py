"""What a server might do wrong with a case: each mistake must be seen in an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.field.case import Good, Wants
from tests.field.reference import FILTERS, Answer, answer, answer_as

SEEN = 0.03  # a wrong answer is this far from the right one, for one picture at least
CLEAR = 0.05  # the best class is this far before the next, for all pictures but one at least
OF_ITS_OWN_BATCH = ("batch_norm", "unread_batch_norm", "own_batch_norm", "batch_max", "batch_mean")


def unseen(case: Good) -> list[str]:
    """The mistakes that no picture shows."""
    right = [answer(case, picture) for picture in case.pictures]
    missed = []
    for what, wants in mistakes(case):
        wrong = (answer_as(case, picture, wants) for picture in case.pictures)
        if all(distance(*pair) <= SEEN for pair in zip(right, wrong, strict=True)):
            missed.append(what)
    return missed


def is_clear(case: Good) -> bool:
    """Whether the pictures get different answers that are not close."""
    answers = [answer(case, picture) for picture in case.pictures]
    clear = sum(each.margin > CLEAR for each in answers)
    return len({each.label for each in answers}) > 1 and clear >= len(answers) - 1


def distance(right: Answer, wrong: Answer) -> float:
    """How far the probabilities are apart, at most."""
    return max(abs(right.probabilities[label] - wrong.probabilities[label]) for label in right.probabilities)


def mistakes(case: Good) -> Iterator[tuple[str, Wants]]:
    """What a server might do instead, with what it is called."""
    wants = case.wants
    if wants.channels in ("rgb", "bgr"):
        yield "channels swapped", replace(wants, channels="bgr" if wants.channels == "rgb" else "rgb")
    if case.network.quirk not in OF_ITS_OWN_BATCH:
        for low, high in ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)):
            if (low, high) != (wants.low, wants.high):
                yield f"range {low} to {high}", replace(wants, low=low, high=high)
        if any(wants.mean):
            yield "no mean", replace(wants, mean=(0.0,))
        if any(value != 1 for value in wants.std):
            yield "no std", replace(wants, std=(1.0,))
    if "alpha" in case.pictures and wants.channels != "rgba":
        other = (0, 0, 0) if wants.background != (0, 0, 0) else (255, 255, 255)
        yield "another background", replace(wants, background=other)
    if wants.size is None:
        yield "a fixed size", replace(wants, size=(24, 24))
        return
    for resize in ("fit", "stretch", "crop"):
        if resize != wants.resize:
            yield resize, replace(wants, resize=resize, shorter_side=None)
    if wants.resize == "crop" and wants.shorter_side:
        yield "another shorter side", replace(wants, shorter_side=None)
    if case.network.body == "pixels" and "enlarges" not in case.name:
        for kind in FILTERS:
            if kind != wants.filter:
                yield kind, replace(wants, filter=kind)
