"""Models in other types than float32."""

from pathlib import Path
from typing import Any

from tests.convert.kinds.attention import by_convolution
from tests.convert.kinds.registry import file_kind, kind, save, stack
from tests.convert.kinds.spreading import spread

POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")


def layers_of(keras: Any) -> list[Any]:
    """A small network."""
    batch = keras.layers.BatchNormalization()
    return [keras.layers.Conv2D(4, 3, use_bias=False), batch, keras.layers.ReLU(), keras.layers.MaxPooling2D()]


def under(keras: Any, policy: str) -> Any:
    """A model made with that policy for all layers, whose last one is float32, as Keras advises."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        image = keras.Input((12, 12, 3), dtype="float32")
        hidden = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
        for layer in layers_of(keras):
            hidden = layer(hidden)
        logits = keras.layers.Dense(4)(keras.layers.Flatten()(hidden))
        return keras.Model(image, keras.layers.Activation("softmax", dtype="float32")(logits))
    finally:
        keras.config.set_dtype_policy(before)


for policy in POLICIES:
    kind(f"precision, {policy}")(lambda keras, policy=policy: under(keras, policy))  # type: ignore[misc]


@file_kind("precision, mixed_float16 in legacy H5")
def mixed_h5(keras: Any, folder: Path) -> Path:
    return save(keras, under(keras, "mixed_float16"), folder / "model.h5")


@kind("precision, float16 in some layers")
def half(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(4, 3, dtype="float16"), keras.layers.Conv2D(4, 3, dtype="mixed_bfloat16")])


@kind("precision, cast between layers")
def cast(keras: Any) -> Any:
    image = keras.Input((12, 12, 3), dtype="uint8")
    pixels = keras.ops.cast(image, "float16") / 255
    hidden = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, dtype="mixed_float16")(pixels))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(hidden))


@file_kind("precision, quantized to int8")
def int8(keras: Any, folder: Path) -> Path:
    return quantized(keras, stack(keras, [keras.layers.AveragePooling2D(3), keras.layers.Dense(8)]), "int8", folder)


@file_kind("precision, quantized to int8, attention in a SavedModel")
def int8_attention(keras: Any, folder: Path) -> Path:
    """Keras 3.15 cannot load its own .keras file of quantized attention."""
    model = by_convolution(keras)
    spread(keras, model)
    model.quantize("int8")
    model.export(folder / "saved", verbose=False)
    return folder / "saved"


@file_kind("precision, quantized to int4")
def int4(keras: Any, folder: Path) -> Path:
    return quantized(keras, stack(keras, [keras.layers.AveragePooling2D(3), keras.layers.Dense(8)]), "int4", folder)


def quantized(keras: Any, model: Any, mode: str, folder: Path) -> Path:
    """Spread first: weights that are quantized can no longer be set."""
    spread(keras, model)
    model.quantize(mode)
    model.save(folder / "model.keras")
    return folder / "model.keras"
