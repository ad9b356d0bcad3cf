"""Which axis of an input is the batch, the height, the width and the channels.

By what is said, by the names of the axes, by their sizes; what is still in doubt is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from service.errors import ModelError
from service.inference.description import GUESSED, PREFIX, SHAPE, Description

Axis = int | str | None  # a size, or what the file calls an open side
LAYOUTS = {4: ("NHWC", "NCHW"), 3: ("NHW", "HWC", "CHW"), 2: ("NC",)}  # by the number of axes
COMMON, SELDOM, ODD, OPEN = range(4)  # how likely a reading is, the likeliest first
WORDS = {"height": "H", "width": "W", "channel": "C"}  # in a name
LETTERS = {"h": "H", "w": "W", "c": "C", "n": "N", "batch": "N", "batch_size": "N"}  # a whole name


def is_size(axis: Axis) -> TypeGuard[int]:
    """Whether an axis has a size, and is not left open: None, a name, or -1."""
    return isinstance(axis, int) and axis > 0


def find_layout(name: str, shape: Sequence[Axis], depth: int | None, description: Description) -> str:
    """The layout of an input of that shape: NHWC, NCHW, NHW, HWC, CHW or NC; it is noted in the description.

    `depth` is the number of channels, where that is said.

    Raises:
        ModelError: The shape is none of a picture, or could be two.
    """
    text = f"input {name!r} has shape {list(shape)}"
    said = description.get("layout")
    if said is not None:
        if len(said) != len(shape) or not _fits(said, shape, None):
            raise ModelError(f"{text}, and {description.source('layout')} is the layout {said}")
        readings = [said]
    else:
        readings = [layout for layout in LAYOUTS.get(len(shape), ()) if _fits(layout, shape, None)]
    if not readings or 0 in shape:
        raise ModelError(
            f"{text}, which is no picture: (N, height, width, channels), (N, channels, height, width), the same without"
            " N, (N, height, width) or (N, pixels), of 1, 3 or 4 channels"
        )
    fitting = [layout for layout in readings if _fits(layout, shape, depth)]
    if not fitting:
        raise ModelError(f"{text}, and {description.source('channels')} is the channels {description.get('channels')}")
    named = [layout for layout in fitting if _is_named(layout, shape)] or fitting
    named.sort(key=lambda layout: _doubt(layout, shape))
    best = [layout for layout in named if _doubt(layout, shape) == _doubt(named[0], shape)]
    if len(best) > 1:
        raise ModelError(f"{text}, which could be {' or '.join(best)}; say which: {PREFIX}layout")
    sure = len(fitting) == 1
    layout: str = description.settle("layout", best[0], SHAPE if sure else f"{GUESSED} from the shape")
    return layout


def _fits(layout: str, shape: Sequence[Axis], depth: int | None) -> bool:
    """Whether a shape can be read so, with that number of channels where it is known."""
    if layout == "NC":
        return True
    channels = 1 if layout == "NHW" else shape[layout.index("C")]
    return not is_size(channels) or (channels == depth if depth else channels in (1, 3, 4))


def _is_named(layout: str, shape: Sequence[Axis]) -> bool:
    """Whether no axis has the name of another one."""
    return all(_meant(axis) in (None, letter) for letter, axis in zip(layout, shape, strict=True))


def _meant(axis: Axis) -> str | None:
    """The letter of an axis with a telling name."""
    if not isinstance(axis, str):
        return None
    name = axis.lower()
    return LETTERS.get(name) or next((letter for word, letter in WORDS.items() if word in name), None)


def _doubt(layout: str, shape: Sequence[Axis]) -> int:
    """How unlikely a reading is: colours and greys are common, alpha is seldom, so is a fixed batch of greys."""
    axes = dict(zip(layout, shape, strict=True))
    channels, sides = axes.get("C"), [axes[side] for side in "HW" if side in axes]
    if layout == "NC":
        return COMMON
    if layout == "NHW":
        doubt = COMMON if not is_size(axes["N"]) else ODD
        return doubt if all(map(is_size, sides)) else max(doubt, OPEN)
    if not is_size(channels):
        return OPEN
    if any(is_size(side) and side < channels for side in sides):
        return OPEN  # fewer rows or columns than channels
    return COMMON if channels in (1, 3) else SELDOM
