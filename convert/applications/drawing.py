"""Weights with which an untrained network tells pictures apart.

As Keras leaves them, its networks give every picture the same answer, and a comparison of answers proves nothing. So:

1. What starts as a constant (scales, shifts, biases) is drawn.
2. Each BatchNormalization takes the mean and variance that made pictures have there.
3. The last layer is scaled and shifted until each of its logits has mean 0 and deviation 2 over the pictures.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from convert.images import Pixels


def draw_weights(model: Any, pixels: Pixels, seed: int = 1) -> None:
    """Draw the weights of `model`, which ends in logits, in place; `pixels` are tens of pictures as it takes them."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        value = np.asarray(variable)
        if value.ndim == 1 and np.ptp(value) == 0:
            variable.assign(_draw_constant(float(value[0]), value.shape, rng))
    _settle_statistics(model, pixels)
    _spread_classes(model, pixels)


def _draw_constant(start: float, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    if start == 0:  # a bias or a shift
        return rng.normal(0, 0.1, shape).astype(np.float32)
    # A scale; ConvNeXt's start at a millionth, which leaves out whole blocks.
    return rng.uniform(0.5, 1.5, shape).astype(np.float32) * np.float32(0.5 if start < 0.5 else 1)


def _settle_statistics(model: Any, pixels: Pixels) -> None:
    layers = [layer for layer in model._flatten_layers() if type(layer).__name__ == "BatchNormalization"]
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    _run(model, pixels, training=True)
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum


def _spread_classes(model: Any, pixels: Pixels) -> None:
    logits = _run(model, pixels, training=False)
    last = [layer for layer in model.layers if layer.get_weights()][-1]
    kernel, bias = last.get_weights()  # (…, classes), (classes)
    scale = 2 / logits.std(axis=0)
    last.set_weights([kernel * scale, (bias - logits.mean(axis=0)) * scale])


def _run(model: Any, pixels: Pixels, training: bool) -> NDArray[np.float32]:
    # As a graph: called layer by layer, a model keeps what every layer gave until it is done, 20 GB of some.
    return np.asarray(tf.function(model)(pixels, training=training))
