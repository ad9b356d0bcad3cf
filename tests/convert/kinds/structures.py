"""How layers are put together, and classes of one's own."""

from pathlib import Path
from typing import Any

from convert.source import Reading
from tests.convert.kinds.registry import file_kind, kind, layer_kinds, save, stack

CUSTOM = Reading(imports=(Path(__file__).with_name("custom.py"),))


def mine() -> Any:
    """The module of custom classes; imported late, because Keras takes seconds."""
    from tests.convert.kinds import custom

    return custom


layer_kinds(
    {
        "structure, a plain stack": lambda new: [new.Conv2D(4, 3, activation="relu"), new.MaxPooling2D(), new.Dense(8)],
        "structure, time distributed": lambda new: [
            new.Reshape((4, 3, 12, 3)),
            new.TimeDistributed(new.Conv2D(3, 2, activation="relu")),
            new.TimeDistributed(new.Flatten()),
            new.TimeDistributed(new.Dense(3)),
        ],
        "structure, permuted and reshaped": lambda new: [
            new.Permute((3, 1, 2)),
            new.Reshape((3, 144)),
            new.Permute((2, 1)),
            new.Dense(4),
        ],
        "structure, repeated": lambda new: [
            new.Flatten(),
            new.Dense(6),
            new.RepeatVector(3),
            new.Dense(2),
            new.Masking(0.0),
        ],
    }
)


def classes_of(keras: Any, hidden: Any, activation: str = "softmax") -> Any:
    """Four classes of a feature map."""
    return keras.layers.Dense(4, activation=activation)(keras.layers.Flatten()(hidden))


def scaled(keras: Any, shape: tuple[int, ...] = (12, 12, 3)) -> tuple[Any, Any]:
    """An input, and its pixels from -1 to 1."""
    image = keras.Input(shape)
    return image, keras.layers.Rescaling(1 / 127.5, offset=-1)(image)


@kind("structure, residual")
def residual(keras: Any) -> Any:
    """Sums, products, maxima and means of branches."""
    image, pixels = scaled(keras)
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(pixels)
    other = keras.layers.Conv2D(4, 1)(pixels)
    joined = [keras.layers.Add()([hidden, other]), keras.layers.Maximum()([hidden, other])]
    joined += [keras.layers.Average()([hidden, other]), keras.layers.Subtract()([hidden, other])]
    return keras.Model(image, classes_of(keras, keras.layers.Multiply()(joined)))


@kind("structure, concatenated branches")
def inception(keras: Any) -> Any:
    image, pixels = scaled(keras)
    branches = [keras.layers.Conv2D(3, size, padding="same", activation="relu")(pixels) for size in (1, 3, 5)]
    pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(pixels)
    return keras.Model(image, classes_of(keras, keras.layers.Concatenate()([*branches, pooled])))


@kind("structure, squeeze and excite")
def squeeze(keras: Any) -> Any:
    image, pixels = scaled(keras)
    hidden = keras.layers.Conv2D(8, 3, padding="same", activation="swish")(pixels)
    weights = keras.layers.GlobalAveragePooling2D()(hidden)
    weights = keras.layers.Reshape((1, 1, 8))(weights)
    weights = keras.layers.Conv2D(2, 1, activation="swish")(weights)
    weights = keras.layers.Conv2D(8, 1, activation="sigmoid")(weights)
    return keras.Model(image, classes_of(keras, keras.layers.multiply([hidden, weights])))


@kind("structure, shared layers")
def shared(keras: Any) -> Any:
    image, pixels = scaled(keras)
    convolution = keras.layers.Conv2D(3, 3, padding="same", activation="relu")
    once = convolution(pixels)
    return keras.Model(image, classes_of(keras, keras.layers.Concatenate()([once, convolution(once)])))


@kind("structure, nested models")
def nested(keras: Any) -> Any:
    inside = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(3, 3, activation="relu", padding="same")])
    image, pixels = scaled(keras)
    outer = keras.Model(image, inside(inside(pixels)))
    other = keras.Input((12, 12, 3))
    return keras.Model(other, classes_of(keras, outer(other)))


@kind("structure, transfer learning")
def transfer(keras: Any) -> Any:
    """The recipe of Keras's guide: augmentation, preprocessing, a base model, pooling, dropout."""
    base = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(6, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
        ]
    )
    base.trainable = False
    image = keras.Input((16, 16, 3))
    augmented = keras.Sequential([keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)])(image)
    features = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(augmented), training=False)
    pooled = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(features))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(pooled))


@kind("custom layer", CUSTOM)
def custom_layer(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3), mine().Scaled(2.0)])


@kind("custom layer, registered", CUSTOM)
def registered_layer(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3), mine().Shifted(), mine().Shifted()])


@kind("custom activation", CUSTOM)
def custom_activation(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3, activation=mine().bent)])


@kind("custom initializer and regularizer", CUSTOM)
def custom_initializer(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3, kernel_initializer=mine().Small(), kernel_regularizer="l2")])


@kind("subclassed model", CUSTOM)
def subclassed(keras: Any) -> Any:
    model = mine().Classifier(4)
    model(keras.ops.zeros((2, 12, 12, 3)))
    return model


@kind("subclassed model, registered", CUSTOM)
def registered(keras: Any) -> Any:
    model = mine().RegisteredClassifier(4)
    model(keras.ops.zeros((2, 12, 12, 3)))
    return model


@kind("subclassed Functional", CUSTOM)
def functional(keras: Any) -> Any:
    """A class of one's own that is built from inputs and outputs, for a train_step of its own."""
    image, pixels = scaled(keras)
    return mine().Trained(image, classes_of(keras, keras.layers.Conv2D(3, 3)(pixels)))


@kind("lambda", Reading(trust=True))
def python_lambda(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3), keras.layers.Lambda(lambda x: 2 * abs(x) - x[..., ::-1])])


@kind("lambda of a named function", Reading(trust=True, imports=CUSTOM.imports))
def named_lambda(keras: Any) -> Any:
    return stack(keras, [keras.layers.Conv2D(3, 3), keras.layers.Lambda(mine().bent)])


@file_kind("lambda in legacy H5", Reading(trust=True))
def legacy_lambda(keras: Any, folder: Path) -> Path:
    halved = keras.layers.Lambda(lambda x: x / 2, output_shape=(10, 10, 3))
    return save(keras, stack(keras, [keras.layers.Conv2D(3, 3), halved]), folder / "model.h5")


@file_kind("lambda in a SavedModel")
def exported_lambda(keras: Any, folder: Path) -> Path:
    """There, it is a graph: nobody needs to trust it."""
    model = stack(keras, [keras.layers.Conv2D(3, 3), keras.layers.Lambda(lambda x: x * x)])
    model.export(folder / "saved", verbose=False)
    return folder / "saved"
