"""Weights with which an untrained model tells pictures apart: otherwise a comparison of answers would prove nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.images import make_images
from convert.pictures import read_pictures

PICTURES = 36


def spread(keras: Any, model: Any, keys: Mapping[str, str] | None = None) -> None:
    """Set the last Dense layer so that its numbers have mean 0 and deviation 2 over made images."""
    dense = [layer for layer in getattr(model, "layers", ()) if isinstance(layer, keras.layers.Dense)]
    if not dense or not getattr(model, "inputs", None):
        return
    features = keras.Model(model.inputs, dense[-1].input)(pictures(model.inputs[0], keys), training=False)
    kernel, *bias = dense[-1].get_weights()
    values = np.asarray(features, np.float32) @ np.asarray(kernel, np.float32)
    values = values.reshape(-1, values.shape[-1])
    scale = 2 / (values.std(axis=0) + 1e-3)
    shift = [(-values.mean(axis=0) * scale).astype(old.dtype) for old in bias]
    dense[-1].set_weights([(kernel * scale).astype(kernel.dtype), *shift])


def pictures(tensor: Any, keys: Mapping[str, str] | None) -> NDArray[Any]:
    """Made images in the form of a model's input; what it leaves open is 16."""
    sizes = [size or 16 for size in tensor.shape[1:]]
    shape = {1: (1, *sizes, 1), 2: (*sizes, 1), 3: tuple(sizes)}[len(sizes)]
    images = make_images(shape, PICTURES)  # type: ignore[arg-type]
    depth = shape[2] if shape[2] in (1, 3, 4) else 1  # of channels that are not the last axis, there are no keys here
    values = read_pictures(Path("model"), (16, 16, depth), "float32", keys=keys).compute(images)
    return values.reshape(PICTURES, *sizes).astype(str(tensor.dtype))
