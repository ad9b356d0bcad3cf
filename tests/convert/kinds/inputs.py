"""What a model takes: type, layout, channels, size, batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convert.source import Reading
from tests.convert.kinds.registry import file_kind, kind, save, stack

ANY = Reading(size=(12, 14))


def typed(keras: Any, dtype: str) -> Any:
    """A model of pixels of that type."""
    image = keras.Input((10, 10, 3), dtype=dtype)
    pixels = keras.layers.Rescaling(1 / 127.5, offset=-1)(keras.ops.cast(image, "float32"))
    hidden = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(pixels))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(hidden))


for dtype in ("uint8", "int32", "int64", "uint16", "float16", "float64"):
    kind(f"input, {dtype}", served=True)(lambda keras, dtype=dtype: typed(keras, dtype))  # type: ignore[misc]


@contextmanager
def channels_first(keras: Any) -> Iterator[None]:
    """As `image_data_format: channels_first` in ~/.keras/keras.json."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def first(keras: Any, shape: tuple[Any, ...]) -> Any:
    """A network with its channels first."""
    with channels_first(keras):
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input(shape),
                layers.Rescaling(1 / 127.5, offset=-1),
                layers.Conv2D(6, 3, padding="same", use_bias=False),
                layers.BatchNormalization(axis=1),
                layers.ReLU(),
                layers.MaxPooling2D(),
                layers.DepthwiseConv2D(3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(4, activation="softmax"),
            ]
        )


@kind("input, channels first", served=True)
def first_rgb(keras: Any) -> Any:
    return first(keras, (3, 12, 14))


@kind("input, channels first, grey", served=True)
def first_grey(keras: Any) -> Any:
    return first(keras, (1, 12, 14))


@kind("input, channels first, any size", ANY, served=True)
def first_any(keras: Any) -> Any:
    return first(keras, (3, None, None))


@file_kind("input, channels first, SavedModel")
def first_exported(keras: Any, folder: Path) -> Path:
    model = first(keras, (3, 12, 14))
    model.export(folder / "saved", verbose=False)
    return folder / "saved"


def pooled(keras: Any, image: Any) -> Any:
    """A network that takes any size."""
    hidden = keras.layers.Conv2D(6, 3, activation="relu")(keras.layers.Rescaling(1 / 127.5, offset=-1)(image))
    hidden = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(hidden)
    classes = keras.layers.Dense(4, activation="softmax")(keras.layers.GlobalAveragePooling2D()(hidden))
    return keras.Model(image, classes)


@kind("input, any size", ANY, served=True)
def any_size(keras: Any) -> Any:
    return pooled(keras, keras.Input((None, None, 3)))


@kind("input, any height", ANY)
def any_height(keras: Any) -> Any:
    return pooled(keras, keras.Input((None, 14, 3)))


@file_kind("input, any size, SavedModel", ANY)
def any_exported(keras: Any, folder: Path) -> Path:
    pooled(keras, keras.Input((None, None, 3))).export(folder / "saved", verbose=False)
    return folder / "saved"


@kind("input, RGBA", served=True)
def rgba(keras: Any) -> Any:
    return pooled(keras, keras.Input((12, 12, 4)))


@kind("input, grey without channels", served=True)
def grey(keras: Any) -> Any:
    """The first model of every tutorial."""
    hidden = [keras.layers.Flatten(), keras.layers.Dense(16, activation="relu"), keras.layers.Dropout(0.2)]
    scaled = keras.layers.Rescaling(1 / 255)
    return keras.Sequential([keras.Input((12, 12)), scaled, *hidden, keras.layers.Dense(4, activation="softmax")])


@kind("input, a row of pixels", Reading(size=(8, 9)), served=True)
def flat(keras: Any) -> Any:
    """Its successor in some tutorials."""
    hidden = [keras.layers.Rescaling(1 / 255), keras.layers.Dense(16, activation="relu")]
    return keras.Sequential([keras.Input((72,)), *hidden, keras.layers.Dense(4, activation="softmax")])


@kind("input, a fixed batch", served=True)
def fixed(keras: Any) -> Any:
    return pooled(keras, keras.Input((12, 12, 3), batch_size=16))


@file_kind("input, a fixed batch, legacy H5")
def fixed_h5(keras: Any, folder: Path) -> Path:
    return save(keras, pooled(keras, keras.Input((12, 12, 3), batch_size=16)), folder / "model.h5")


@kind("input, a fixed batch of reshaped images")
def fixed_reshaped(keras: Any) -> Any:
    image = keras.Input((12, 12, 3), batch_size=16)
    rows = keras.ops.reshape(keras.layers.Rescaling(1 / 255)(image), (-1, 12, 36))
    hidden = keras.layers.Flatten()(keras.layers.Conv1D(4, 3)(rows))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(hidden))


@kind("input, 0 to 1", options={"keys": {"range": "0..1"}}, served=True)
def shares(keras: Any) -> Any:
    hidden = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((12, 12, 3)), *hidden, keras.layers.Dense(4, activation="softmax")])


@kind("input, -1 to 1", options={"keys": {"range": "-1..1"}}, served=True)
def signed(keras: Any) -> Any:
    hidden = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((12, 12, 1)), *hidden, keras.layers.Dense(4, activation="softmax")])


for height, width in ((4, 4), (9, 31), (64, 48), (224, 224)):

    def sized(keras: Any, height: int = height, width: int = width) -> Any:
        layers = [keras.layers.Conv2D(3, 3, strides=2, padding="same"), keras.layers.MaxPooling2D(2, padding="same")]
        return stack(keras, layers, (height, width, 3))

    kind(f"input, {height}x{width}")(sized)


@kind("input in a dictionary")
def named(keras: Any) -> Any:
    image = keras.Input((12, 12, 3), name="photo")
    model = pooled(keras, image)
    return keras.Model({"photo": image}, model.output)
