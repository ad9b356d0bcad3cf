"""The networks: a small student, which is served, and a larger teacher, which only trains it.

Both take raw pixels, (N, 28, 28, 1) uint8 on any paper, and give logits, (N, 10) float32. Only built-in Keras layers
and operations, so `keras.models.load_model` needs none of this code.
"""

from typing import Any

import keras
from keras import layers, ops

Tensor = Any  # a symbolic Keras tensor, which is not typed

IMAGE_SHAPE = (28, 28, 1)
LABELS = [str(digit) for digit in range(10)]


def normalize(pixels: Tensor) -> Tensor:
    """Raw grey levels to ink: paper 0, the strongest ink 1, whichever of the two is the darker.

    Paper is taken to be the shade nearer to the image's mean, since ink covers less than half. Inverting an image
    changes nothing at all after this, and a blank image gives 0 rather than a division by zero. The graph stays short
    because each step costs the server microseconds a batch.
    """
    levels = ops.cast(pixels, "float32")
    low, mean, high = (reduce(levels, axis=(1, 2, 3), keepdims=True) for reduce in (ops.min, ops.mean, ops.max))
    paper = ops.where(2 * mean > low + high, high, low)
    return ops.abs(levels - paper) / ops.maximum(high - low, 1.0)


def build_student() -> keras.Model:
    """The served network: four unpadded convolutions, 118,378 parameters, 0.79 million multiplications an image."""
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    x = _convolve(normalize(images), 32, 5, strides=2)  # 12 x 12
    x = _convolve(x, 48, 3, strides=2)  # 5 x 5
    x = _convolve(x, 64, 3)  # 3 x 3
    x = _convolve(x, 128, 3)  # 1 x 1
    logits = layers.Dense(len(LABELS), name="logits")(layers.Flatten()(x))
    return keras.Model(images, logits, name="student")


def build_teacher() -> keras.Model:
    """About nine times the work of the student."""
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    x = _convolve(_convolve(normalize(images), 16, 3), 32, 3)  # 24 x 24
    x = layers.MaxPooling2D()(x)
    x = _convolve(_convolve(x, 64, 3), 64, 3)  # 8 x 8
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.3, seed=0)(layers.Flatten()(_convolve(x, 128, 3)))  # 2 x 2
    return keras.Model(images, layers.Dense(len(LABELS), name="logits")(x), name="teacher")


def add_softmax(model: keras.Model) -> keras.Model:
    """The model as it is published: probabilities (N, 10) float32 rather than logits."""
    return keras.Model(model.input, layers.Softmax(name="probabilities")(model.output), name="mnist")


def _convolve(x: Tensor, filters: int, size: int, strides: int = 1) -> Tensor:
    """Convolution, batch normalization (folded into it on conversion), ReLU."""
    x = layers.Conv2D(filters, size, strides, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
