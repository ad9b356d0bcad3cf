"""Attention as in vision transformers."""

from typing import Any

from tests.convert.kinds.registry import kind
from tests.convert.kinds.structures import classes_of, scaled

PATCH, SIDE, WIDTH = 4, 12, 8
PATCHES = (SIDE // PATCH) ** 2


def block(keras: Any, tokens: Any) -> Any:
    """One block of a transformer."""
    normal = keras.layers.LayerNormalization(epsilon=1e-6)(tokens)
    tokens = keras.layers.MultiHeadAttention(2, 4, dropout=0.1)(normal, normal) + tokens
    normal = keras.layers.LayerNormalization(epsilon=1e-6)(tokens)
    hidden = keras.layers.Dense(16, activation="gelu")(normal)
    return tokens + keras.layers.Dense(WIDTH)(keras.layers.Dropout(0.1)(hidden))


@kind("attention, patches by convolution")
def by_convolution(keras: Any) -> Any:
    image, pixels = scaled(keras)
    tokens = keras.layers.Conv2D(WIDTH, PATCH, strides=PATCH)(pixels)
    tokens = keras.layers.Reshape((PATCHES, WIDTH))(tokens)
    positions = keras.layers.Embedding(PATCHES, WIDTH)(keras.ops.arange(PATCHES))
    tokens = block(keras, tokens + positions)
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(tokens))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(pooled))


@kind("attention, patches by reshape")
def by_reshape(keras: Any) -> Any:
    image, pixels = scaled(keras)
    count = SIDE // PATCH
    tokens = keras.ops.reshape(pixels, (-1, count, PATCH, count, PATCH, 3))
    tokens = keras.ops.transpose(tokens, (0, 1, 3, 2, 4, 5))
    tokens = keras.ops.reshape(tokens, (-1, PATCHES, PATCH * PATCH * 3))
    tokens = block(keras, keras.layers.Dense(WIDTH)(tokens))
    return keras.Model(image, classes_of(keras, tokens))


@kind("attention, extracted patches")
def extracted(keras: Any) -> Any:
    image, pixels = scaled(keras)
    tokens = keras.ops.image.extract_patches(pixels, PATCH)
    tokens = keras.layers.Reshape((PATCHES, PATCH * PATCH * 3))(tokens)
    return keras.Model(image, classes_of(keras, block(keras, keras.layers.Dense(WIDTH)(tokens))))


@kind("attention, class token")
def class_token(keras: Any) -> Any:
    """A token of its own goes before the patches; its answer is the image's."""
    image, pixels = scaled(keras)
    tokens = keras.layers.Reshape((PATCHES, WIDTH))(keras.layers.Conv2D(WIDTH, PATCH, strides=PATCH)(pixels))
    first = keras.layers.Dense(WIDTH)(0 * tokens[:, :1] + 1)
    tokens = block(keras, keras.layers.Concatenate(axis=1)([first, tokens]))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(tokens[:, 0]))


@kind("attention, dot product and additive")
def simple(keras: Any) -> Any:
    image, pixels = scaled(keras)
    tokens = keras.layers.Reshape((PATCHES, WIDTH))(keras.layers.Conv2D(WIDTH, PATCH, strides=PATCH)(pixels))
    tokens = keras.layers.Attention(use_scale=True)([tokens, tokens])
    return keras.Model(image, classes_of(keras, keras.layers.AdditiveAttention()([tokens, tokens])))


@kind("attention, grouped queries")
def grouped(keras: Any) -> Any:
    image, pixels = scaled(keras)
    tokens = keras.layers.Reshape((PATCHES, WIDTH))(keras.layers.Conv2D(WIDTH, PATCH, strides=PATCH)(pixels))
    return keras.Model(image, classes_of(keras, keras.layers.GroupQueryAttention(4, 4, 2)(tokens, tokens)))


@kind("attention, causal")
def causal(keras: Any) -> Any:
    image, pixels = scaled(keras)
    tokens = keras.layers.Reshape((PATCHES, WIDTH))(keras.layers.Conv2D(WIDTH, PATCH, strides=PATCH)(pixels))
    tokens = keras.layers.MultiHeadAttention(2, 4)(tokens, tokens, use_causal_mask=True)
    return keras.Model(image, classes_of(keras, tokens))


@kind("attention, shifted windows")
def windows(keras: Any) -> Any:
    """The rolls and windows of Swin."""
    image, pixels = scaled(keras)
    grid = keras.ops.roll(keras.layers.Conv2D(WIDTH, 2, strides=2)(pixels), (-1, -1), axis=(1, 2))
    parts = keras.ops.transpose(keras.ops.reshape(grid, (-1, 2, 3, 2, 3, WIDTH)), (0, 1, 3, 2, 4, 5))
    tokens = keras.ops.reshape(parts, (-1, 4, 9, WIDTH))
    tokens = keras.layers.MultiHeadAttention(2, 4, attention_axes=(2,))(tokens, tokens)
    return keras.Model(image, classes_of(keras, tokens))
