"""Every activation function of Keras, a few in a model, and the activations that are layers."""

from collections.abc import Sequence
from typing import Any

from tests.convert.kinds.registry import kind, layer_kinds

GROUPS = (
    ("relu", "relu6", "leaky_relu", "elu", "selu"),
    ("celu", "gelu", "silu", "mish"),
    ("sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh", "tanh"),
    ("softplus", "softsign", "squareplus", "soft_shrink", "hard_shrink"),
    ("log_sigmoid", "tanh_shrink", "exponential", "linear"),
    ("softmax", "log_softmax"),
    ("sparsemax", "sparse_plus", "sparse_sigmoid"),
)
NAMES = [name for names in GROUPS for name in names]
ELSEWHERE = ("glu", "threshold")  # glu halves the channels, threshold takes values of its own: operations.py has both


def side_by_side(keras: Any, names: Sequence[str]) -> Any:
    """Each function on the same channels."""
    image = keras.Input((6, 6, 3))
    pixels = keras.layers.Rescaling(1 / 32, offset=-4)(image)
    channels = keras.layers.Conv2D(4, 1)(pixels)
    outputs = [keras.layers.Activation(name)(channels) for name in names]
    hidden = keras.layers.Flatten()(keras.layers.Concatenate()(outputs))
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(hidden))


for names in GROUPS:
    kind(f"activations, {' '.join(names)}")(lambda keras, names=names: side_by_side(keras, names))  # type: ignore[misc]

layer_kinds(
    {
        "activation layers": lambda new: [
            new.PReLU(alpha_initializer="random_uniform", shared_axes=[1, 2]),
            new.Conv2D(4, 1),
            new.LeakyReLU(0.3),
            new.Conv2D(4, 1),
            new.ELU(0.7),
            new.Softmax(axis=1),
            new.ReLU(max_value=0.2, negative_slope=0.1, threshold=0.02),
        ],
    },
    shape=(6, 6, 3),
)
