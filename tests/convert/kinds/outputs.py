"""What a model gives: one number or many, one output or several, of any rank."""

from pathlib import Path
from typing import Any

from convert.source import Reading
from tests.convert.kinds.registry import file_kind, kind, stack
from tests.convert.kinds.structures import scaled


def features(keras: Any) -> tuple[Any, Any]:
    """An input and numbers that tell images apart."""
    image, pixels = scaled(keras)
    return image, keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(pixels))


@kind("output, one sigmoid", served=True, values=1)
def one_sigmoid(keras: Any) -> Any:
    image, hidden = features(keras)
    return keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(hidden))


@kind("output, one logit", served=True, values=1)
def one_logit(keras: Any) -> Any:
    """As Keras's guide to transfer learning ends."""
    image, hidden = features(keras)
    return keras.Model(image, keras.layers.Dense(1)(hidden))


@kind("output, one number without its axis", served=True, values=1)
def one_number(keras: Any) -> Any:
    image, hidden = features(keras)
    return keras.Model(image, keras.ops.squeeze(keras.layers.Dense(1, activation="sigmoid")(hidden), -1))


@kind("output, softmax of two", values=2)
def two(keras: Any) -> Any:
    image, hidden = features(keras)
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(hidden))


@kind("output, a sigmoid for each label", served=True)
def labels(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(4, 3)], activation="sigmoid")


@kind("output, logits", served=True)
def logits(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(4, 3)], activation="linear")


@kind("output, log softmax")
def log_softmax(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(4, 3)], activation="log_softmax")


@kind("output, Softmax layer", served=True)
def softmax_layer(keras: Any) -> Any:
    image, hidden = features(keras)
    return keras.Model(image, keras.layers.Softmax()(keras.layers.Dense(4)(hidden)))


@kind("output, Activation layer")
def activation_layer(keras: Any) -> Any:
    image, hidden = features(keras)
    return keras.Model(image, keras.layers.Activation("softmax", name="predictions")(keras.layers.Dense(4)(hidden)))


def convolutional(keras: Any, values: int, activation: str) -> Any:
    """A classifier without dense layers: (N, 1, 1, values)."""
    image, pixels = scaled(keras)
    hidden = keras.layers.Conv2D(8, 3, strides=3, activation="relu")(pixels)
    # Logits of such a layer differ little from image to image, so they are spread by a factor.
    hidden = 8 * keras.layers.AveragePooling2D(4)(hidden)
    return keras.Model(image, keras.layers.Conv2D(values, 1, activation=activation)(hidden))


@kind("output, (N, 1, 1, classes)", served=True)
def fully_convolutional(keras: Any) -> Any:
    return convolutional(keras, 4, "softmax")


@kind("output, (N, 1, 1, 1)", served=True, values=1)
def fully_convolutional_one(keras: Any) -> Any:
    return convolutional(keras, 1, "sigmoid")


def headed(keras: Any, **heads: int) -> tuple[Any, dict[str, Any]]:
    """An input, and an output of so many values for each name."""
    image, hidden = features(keras)
    return image, {name: keras.layers.Dense(count, name=name)(hidden) for name, count in heads.items()}


@kind("outputs, two, found by shape", served=True)
def by_shape(keras: Any) -> Any:
    image, heads = headed(keras, kind=4, age=1)
    return keras.Model(image, [heads["age"], heads["kind"]])


@kind("outputs, two, found by name")
def by_name(keras: Any) -> Any:
    image, heads = headed(keras, embedding=6, predictions=4)
    return keras.Model(image, [heads["embedding"], heads["predictions"]])


@kind("outputs, two, one chosen", Reading(output_name="colour"), served=True)
def chosen(keras: Any) -> Any:
    image, heads = headed(keras, shape=3, colour=4)
    return keras.Model(image, [heads["shape"], heads["colour"]])


@kind("outputs, classes and a feature map")
def beside_map(keras: Any) -> Any:
    image, pixels = scaled(keras)
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(pixels)
    classes = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(hidden))
    return keras.Model(image, [hidden, classes])


@kind("outputs in a dictionary", Reading(output_name="colour"))
def dictionary(keras: Any) -> Any:
    image, heads = headed(keras, first=3, second=4)
    return keras.Model(image, {"shape": heads["first"], "colour": heads["second"]})


@file_kind("outputs of a SavedModel", Reading(output_name="colour"))
def exported(keras: Any, folder: Path) -> Path:
    image, heads = headed(keras, shape=3, colour=4)
    keras.Model(image, heads).export(folder / "saved", verbose=False)
    return folder / "saved"
