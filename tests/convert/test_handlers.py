"""Each operation that tf2onnx lacks, against TensorFlow, where it is easy to get wrong."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from convert.graph import build_graph
from convert.silence import silenced
from convert.source import Source


def check(function: Any, images: NDArray[Any], tolerance: float = 1e-5) -> NDArray[np.float32]:
    """TensorFlow's values of a function of images, which ONNX Runtime gives too."""
    import tensorflow as tf

    def flatten(image: Any) -> dict[str, Any]:
        values = tf.cast(function(image), tf.float32)
        return {"output": tf.reshape(values, (-1, int(np.prod(values.shape[1:]))))}

    signature = [tf.TensorSpec((None, *images.shape[1:]), images.dtype, name="image")]
    wrapped = tf.function(flatten, input_signature=signature)
    source = Source(Path("m"), wrapped, images.shape[1:], str(images.dtype), 0)
    expected = np.asarray(wrapped(images)["output"])
    for opset in (14, 18):  # the lowest and the highest that may be asked for
        with silenced():
            model = build_graph(source, opset)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"image": images})[0], expected, atol=tolerance)
    return expected


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).random(shape, np.float32)


@pytest.mark.parametrize("method", ["area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"])
def test_resizing_down_and_up(method: str, keras: Any) -> None:
    import tensorflow as tf

    def resized(image: Any) -> Any:
        sizes = [(5, 17), (13, 12), (1, 2), (24, 6)]
        return tf.concat(
            [tf.reshape(tf.image.resize(image, size, method), (-1, size[0] * size[1] * 3)) for size in sizes], 1
        )

    check(resized, noise(2, 12, 9, 3))


def test_resizing_bytes_antialiased(keras: Any) -> None:
    import tensorflow as tf

    images = (255 * noise(3, 11, 10, 1)).astype(np.uint8)
    check(lambda image: tf.image.resize(image, (4, 7), "bilinear", antialias=True), images, 1e-3)
    check(lambda image: tf.image.resize(image, (4, 7), "area"), images, 1e-3)


def test_a_value_on_a_boundary_is_above_it(keras: Any) -> None:
    import tensorflow as tf

    values = np.array([[-1.0, 0.0, 0.499, 0.5, 0.7, 1.0, 99.0]], np.float32).reshape(1, 7, 1, 1)
    found = check(lambda image: tf.raw_ops.Bucketize(input=image, boundaries=[0.0, 0.5, 1.0]), values)
    assert found.tolist() == [[0, 1, 1, 2, 2, 3, 3]]


def test_expm1_of_small_and_large_values(keras: Any) -> None:
    import tensorflow as tf

    check(tf.math.expm1, np.linspace(-30, 5, 48, dtype=np.float32).reshape(1, 4, 4, 3), 2e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_transposed_convolutions_of_every_padding(padding: str, keras: Any) -> None:
    images = noise(2, 5, 4, 3)
    layers = [
        keras.layers.Conv2DTranspose(2, kernel, stride, padding, output_padding=extra)
        for kernel, stride in product((1, 2, 3, 5), (1, 2, 3))
        for extra in (None, *range(stride))
        # Keras gives this one a size that TensorFlow refuses.
        if not (padding == "same" and kernel % 2 == 0 and extra == 0)
    ]

    def transposed(image: Any) -> Any:
        return keras.ops.concatenate([keras.layers.Flatten()(layer(image)) for layer in layers], 1)

    transposed(images)  # makes the weights
    check(transposed, images)
