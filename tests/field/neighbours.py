"""Good cases whose answers in a batch would depend on the neighbours, or that run in no batch."""

from __future__ import annotations

from collections.abc import Iterator

from tests.field.case import Good
from tests.field.making import good


def cases() -> Iterator[Good]:
    """All of this file."""
    for quirk in ("batch_norm", "unread_batch_norm", "own_batch_norm", "batch_max", "batch_mean"):
        yield good(f"neighbours_{quirk}", quirk=quirk)
        yield good(f"neighbours_{quirk}_logits", quirk=quirk, head="logits", layout="NHWC")
        yield good(f"neighbours_{quirk}_bytes", quirk=quirk, layout="NHWC", dtype="uint8")
    for quirk in ("flatten_one", "first_row", "mean_rows"):
        yield good(f"neighbours_{quirk}", quirk=quirk, output_batch=1)
        yield good(f"neighbours_{quirk}_logits", quirk=quirk, head="logits", layout="NHWC", dtype="uint8")
    yield good("neighbours_softmax_batch", quirk="softmax_batch", opset=11, classes=4)
    yield good("neighbours_softmax_batch_bytes", quirk="softmax_batch", opset=9, layout="NHWC", dtype="uint8")
    yield good("neighbours_squeeze", quirk="squeeze", classes=4)
    yield good("neighbours_squeeze_bytes", quirk="squeeze", layout="NHWC", dtype="uint8", classes=4)
    yield good(
        "neighbours_of_own_size",
        quirk="batch_max",
        shape=("N", 3, "height", "width"),
        size=None,
        body="halves",
        pictures=("landscape", "portrait", "square", "alpha"),
    )
