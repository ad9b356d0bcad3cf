"""The files that models come in."""

import json
from pathlib import Path
from typing import Any

from tests.convert.kinds.registry import file_kind, save, stack
from tests.convert.kinds.structures import residual, shared


def network(keras: Any) -> Any:
    """A small network."""
    return stack(keras, [keras.layers.DepthwiseConv2D(3, activation="relu"), keras.layers.Conv2D(4, 3)])


@file_kind("format, legacy H5, Sequential")
def h5(keras: Any, folder: Path) -> Path:
    return save(keras, network(keras), folder / "model.h5")


@file_kind("format, legacy H5, Functional")
def h5_functional(keras: Any, folder: Path) -> Path:
    return save(keras, residual(keras), folder / "model.hdf5")


@file_kind("format, legacy H5, shared layers")
def h5_shared(keras: Any, folder: Path) -> Path:
    return save(keras, shared(keras), folder / "model.h5")


@file_kind("format, H5 of Keras 2")
def keras_2(keras: Any, folder: Path) -> Path:
    """As tf.keras 2 writes it: the input's shape in its layer, types as names, groups in depthwise convolutions."""
    import h5py

    path = save(keras, network(keras), folder / "model.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(_as_keras_2(config))
        file.attrs["keras_version"] = "2.15.0"
    return path


def _as_keras_2(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_keras_2(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    changed = {key: _as_keras_2(item) for key, item in value.items() if key not in ("module", "registered_name")}
    if value.get("class_name") == "InputLayer":
        config = changed["config"]
        kept = {"name": config["name"], "dtype": "float32", "sparse": False, "ragged": False}
        changed["config"] = {**kept, "batch_input_shape": config.get("batch_shape") or config["batch_input_shape"]}
    if value.get("class_name") == "DepthwiseConv2D":
        changed["config"]["groups"] = 1
    return changed


@file_kind("format, SavedModel by export", served=True)
def exported(keras: Any, folder: Path) -> Path:
    model = network(keras)
    model.export(folder / "saved", verbose=False)
    return folder / "saved"


@file_kind("format, SavedModel by TensorFlow")
def saved_by_tensorflow(keras: Any, folder: Path) -> Path:
    import tensorflow as tf

    model = network(keras)

    def serve(photo: Any) -> Any:
        return {"classes": model(photo, training=False)}

    signature = [tf.TensorSpec((None, 12, 12, 3), tf.float32, name="photo")]
    tf.saved_model.save(model, folder / "saved", signatures=tf.function(serve, input_signature=signature))
    return folder / "saved"


@file_kind("format, SavedModel of another signature")
def other_signature(keras: Any, folder: Path) -> Path:
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal((432, 4), (1, 2)) / 20)

    def classify(image: Any) -> Any:
        pixels = tf.reshape(tf.cast(image, tf.float32) / 127.5 - 1, (-1, 432))
        return tf.nn.softmax(tf.matmul(pixels, module.weights))

    served = tf.function(classify, input_signature=[tf.TensorSpec((None, 12, 12, 3), tf.uint8)])
    tf.saved_model.save(module, folder / "saved", signatures={"classify": served})
    return folder / "saved"
