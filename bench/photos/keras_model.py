"""`python -m bench.photos.keras_model FILE.keras` writes a MobileNetV2 of Keras's whose weights are random.

They keep the variance from layer to layer (He et al., arXiv:1502.01852), so that pictures get different classes: those
that Keras draws let it vanish.
"""

from __future__ import annotations

import sys

import keras  # noqa: TID251  # it runs in a process of its own, before anything is measured
import numpy as np

SIDE, CLASSES = 224, 1000
LOGITS = 10.0  # by which those of the last layer are spread


def main(file: str) -> None:
    """Build, draw, save."""
    pixels = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="image")
    network = keras.applications.MobileNetV2(weights=None, classes=CLASSES)
    draws = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense):
            kernel, *others = layer.get_weights()
            fan_in = kernel.shape[0] if kernel.ndim == 2 else kernel.shape[0] * kernel.shape[1]
            fan_in *= kernel.shape[2] if kernel.ndim == 4 and kernel.shape[3] != 1 else 1
            gain = LOGITS**2 if kernel.ndim == 2 else 2.0
            layer.set_weights([draws.standard_normal(kernel.shape) * np.sqrt(gain / fan_in), *others])
    keras.Model(pixels, network(keras.layers.Rescaling(1 / 127.5, -1)(pixels))).save(file)


if __name__ == "__main__":
    main(sys.argv[1])
