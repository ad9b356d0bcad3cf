"""Operations of keras.ops between the layers."""

from collections.abc import Callable
from typing import Any

from tests.convert.kinds.registry import kind
from tests.convert.kinds.structures import classes_of, scaled

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "einsum": lambda ops, x: ops.einsum("nhwc,nhvc->nwvc", x, x),
    "where, clip and threshold": lambda ops, x: ops.where(x > 0, ops.clip(x, 0.1, 0.6), ops.threshold(x, -0.5, -0.3)),
    "standardized images": lambda ops, x: (x - ops.mean(x, (1, 2, 3), True)) / (ops.std(x, (1, 2, 3), True) + 0.1),
    "norm and power": lambda ops, x: ops.sqrt(ops.sum(ops.square(x), -1, True) + 0.01) ** 1.5,
    "stack, split and flip": lambda ops, x: ops.concatenate([*ops.split(ops.flip(x, 2), 3, -1), x], -1),
    "sorted and cumulated": lambda ops, x: ops.cumsum(ops.sort(x, 2), 1) / 12,
    "largest": lambda ops, x: ops.top_k(ops.reshape(x, (-1, 12, 36)), 5)[0],
    "log of a sum": lambda ops, x: ops.logsumexp(x, 1) + ops.log1p(ops.abs(ops.max(x, 1))) + ops.expm1(ops.min(x, 1)),
    "grey and padded": lambda ops, x: ops.pad(
        ops.image.rgb_to_grayscale(x), ((0, 0), (1, 2), (2, 1), (0, 0)), "reflect"
    ),
    "gathered": lambda ops, x: ops.take(x, [0, 3, 5, 11], 1) * ops.one_hot([0, 2, 1, 1], 3)[:, None],
    "gated": lambda ops, x: ops.glu(x, 1) + ops.take_along_axis(x, ops.ones((1, 6, 1, 1), "int32"), 1),
    "largest of all": lambda ops, x: x * ops.cast(ops.one_hot(ops.argmax(x, -1), 3), "float32"),
    "sine, arc and floor": lambda ops, x: ops.sin(3 * x) + ops.arctan(x) + ops.floor(4 * x) / 8 + ops.erf(x),
    "matrix of products": lambda ops, x: ops.matmul(ops.transpose(x, (0, 3, 1, 2)), ops.transpose(x, (0, 3, 2, 1))),
}

for name, operation in OPERATIONS.items():

    def make(keras: Any, operation: Callable[[Any, Any], Any] = operation) -> Any:
        image, pixels = scaled(keras)
        return keras.Model(image, classes_of(keras, operation(keras.ops, pixels)))

    kind(f"operations, {name}")(make)


@kind("operations, einsum dense")
def einsum_dense(keras: Any) -> Any:
    image, pixels = scaled(keras)
    hidden = keras.layers.EinsumDense("abcd,de->abce", output_shape=(12, 12, 5), bias_axes="e")(pixels)
    return keras.Model(image, classes_of(keras, keras.layers.Dot((1, 1))([hidden[:, 0], pixels[:, 0]])))
