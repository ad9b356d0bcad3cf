"""A picture's bytes to the pixels of a model, in each of the ways that BENCH_PREPARE names.

digits    MNIST's: Pillow, as most people write it
pillow    photographs: Pillow, as most people write it
service   photographs: this service's decoder and filter, so that servers are compared and not decoders
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Prepare = Callable[[bytes], NDArray[np.uint8]]
SIDE = 224


def digits() -> Prepare:
    """Gives pixels (28, 28, 1)."""
    return lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.uint8).reshape(28, 28, 1)


def pillow() -> Prepare:
    """Gives pixels (224, 224, 3)."""
    return lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((SIDE, SIDE)))


def service() -> Prepare:
    """Gives pixels (224, 224, 3)."""
    from service.images.preprocessing import RGB, Target
    from service.images.reading import read_image

    target = Target.plan((SIDE, SIDE), RGB, (255, 255, 255), "stretch", None, None)
    return lambda data: read_image(data, "", target, 1 << 30, ("png", "jpeg"))


WAYS = {"digits": digits, "pillow": pillow, "service": service}
prepare = WAYS[os.environ.get("BENCH_PREPARE", "digits")]()
