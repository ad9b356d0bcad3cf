"""The numbers in a model: random but fixed, and scaled to the tensor that the model was made for."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.field.case import Network, Wants
from tests.field.seeds import SEEDS

Floats = NDArray[np.float64]
GAIN = 6.0  # of the linear layer: classes differ clearly between pictures, and no probability is all or nothing
SIZE_UNIT = 64.0  # a model that sees its input's size sees it in these
SIDE_FEATURES = 4  # top, bottom, left, right
KERNELS = 5  # of the convolution


class Weights(NamedTuple):
    """What the file holds."""

    matrix: Floats  # (features, values)
    bias: Floats  # (values,)
    kernels: Floats  # (KERNELS, channels, 3, 3), of the body "conv"


def values_of(network: Network) -> int:
    """How many numbers the output has for one picture."""
    return 1 if network.head.startswith("one_") else network.classes


def weights_of(name: str, network: Network, wants: Wants) -> Weights:
    """The weights of the case of that name.

    A feature's middle is taken from what mid-grey is to the model, and its spread from what black and white are, so a
    tensor of another range, mean or deviation gets other classes.
    """
    random = np.random.default_rng([zlib.crc32(name.encode()), network.seed or SEEDS.get(name, 0)])
    middle, spread = _middle_and_spread(network, wants)
    kernels = random.normal(0, 0.3, (KERNELS, wants.depth, 3, 3)) / spread[: wants.depth, np.newaxis, np.newaxis]
    if network.body == "conv":
        middle, spread = np.full(KERNELS, 0.3), np.full(KERNELS, 0.5)
    features = len(middle)
    values = values_of(network)
    matrix = random.normal(0, GAIN / np.sqrt(features), (features, values)) / spread[:, np.newaxis]
    # On mid-grey, and so on noise, the scores are plainly no probabilities: some are below 0, some above 1.
    offset = np.array([-1.6]) if values == 1 else np.linspace(1.3, -1.3, values)[random.permutation(values)]
    return Weights(matrix, offset - middle @ matrix, kernels)


def _middle_and_spread(network: Network, wants: Wants) -> tuple[Floats, Floats]:
    """Of each feature, in the order in which networks.py and reference.py have them."""
    depth = wants.depth
    mean = np.broadcast_to(np.array(wants.mean), depth)
    std = np.broadcast_to(np.array(wants.std), depth)
    middle, spread = ((wants.low + wants.high) / 2 - mean) / std, (wants.high - wants.low) / 2 / std
    if network.quirk in ("batch_norm", "unread_batch_norm", "own_batch_norm", "batch_mean"):
        middle, spread = np.zeros(depth), np.ones(depth) if network.quirk != "batch_mean" else spread
    elif network.quirk == "batch_max":
        middle, spread = np.full(depth, 0.5), np.full(depth, 0.5)
    if network.body == "halves":
        size = [0.5, 0.5]
        return np.concatenate((np.tile(middle, SIDE_FEATURES), size)), np.concatenate(
            (np.tile(spread, SIDE_FEATURES), size)
        )
    if network.body == "pixels":
        assert wants.size is not None
        count = wants.size[0] * wants.size[1]
    else:
        count = network.grid[0] * network.grid[1]
    return np.tile(middle, count), np.tile(spread, count)
