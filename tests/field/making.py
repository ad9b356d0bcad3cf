"""Short ways to make good cases: what is not said is as it is for most models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.field.case import PICTURES, Activation, Axis, Good, Label, Network, Size, Wants

SIZE = (12, 12)
FINE = ("fine", "fine_wide", "fine_gray", "fine_tall")  # pictures in which every pixel counts


def good(
    name: str,
    *,
    size: Size | None = SIZE,
    channels: str = "rgb",
    layout: str = "NCHW",
    shape: tuple[Axis, ...] | None = None,
    batch: Axis = "N",
    dtype: str = "float32",
    wants: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    labels: tuple[Label, ...] = (),
    activation: Activation = "",
    pictures: tuple[str, ...] = PICTURES,
    version: int = 1,
    external: str = "",
    others: Callable[[Path], None] | None = None,
    tolerance: float = 0.01,
    **network: Any,
) -> Good:
    """A good case; further keywords are the network's.

    The range is what it is without metadata: 0 to 255 for integers, 0 to 1 for floating point.
    """
    integer = "int" in dtype
    asked = Wants(size, channels, 0.0, 255.0 if integer else 1.0)
    asked = replace(asked, **(wants or {}))
    if shape is None:
        assert asked.size is not None
        sizes: dict[str, Axis] = {"N": batch, "H": asked.size[0], "W": asked.size[1], "C": asked.depth}
        shape = tuple(sizes[axis] for axis in layout)
    if "output_batch" not in network:
        network["output_batch"] = shape[0] if layout.startswith("N") else 1
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in (files or {}).items()}
    return Good(
        name,
        Network(shape, layout, dtype, **network),
        asked,
        metadata or {},
        contents,
        labels,
        activation,
        pictures,
        version,
        external,
        others,
        tolerance,
    )
