"""Every normalization."""

from typing import Any

import numpy as np

from convert.images import make_images
from tests.convert.kinds.registry import kind, layer_kinds, stack

layer_kinds(
    {
        "normalization, layer": lambda new: [new.Conv2D(4, 3), new.LayerNormalization()],
        "normalization, layer, of whole images": lambda new: [new.Conv2D(4, 3), new.LayerNormalization(axis=(1, 2, 3))],
        "normalization, group": lambda new: [new.Conv2D(4, 3), new.GroupNormalization(2)],
        "normalization, instance": lambda new: [new.Conv2D(4, 3), new.GroupNormalization(-1), new.ReLU()],
        "normalization, unit": lambda new: [new.Conv2D(4, 3), new.UnitNormalization()],
        "normalization, RMS": lambda new: [new.Conv2D(4, 3), new.RMSNormalization()],
        "normalization, spectral": lambda new: [new.SpectralNormalization(new.Conv2D(4, 3))],
        "normalization, of ImageNet": lambda new: [
            new.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.0524, 0.0502, 0.0506]),
            new.Conv2D(4, 3),
        ],
    }
)


@kind("normalization, batch")
def batch(keras: Any) -> Any:
    """With statistics as a training leaves them."""
    normalizations = [
        keras.layers.BatchNormalization(),
        keras.layers.BatchNormalization(scale=False, center=False, epsilon=1e-5),
        keras.layers.BatchNormalization(axis=1),
    ]
    convolution = keras.layers.Conv2D(4, 3, use_bias=False)
    model = stack(keras, [convolution, normalizations[0], keras.layers.ReLU(), *normalizations[1:]])
    rng = np.random.default_rng(0)
    for layer in normalizations:
        layer.set_weights([rng.uniform(0.3, 1.2, weights.shape) for weights in layer.get_weights()])
    return model


@kind("normalization, adapted")
def adapted(keras: Any) -> Any:
    """Of the pictures themselves."""
    layer = keras.layers.Normalization()
    layer.adapt(make_images((12, 12, 3), 30).astype(np.float32))
    flat = [keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    return keras.Sequential([keras.Input((12, 12, 3)), layer, keras.layers.Conv2D(4, 3), *flat])
