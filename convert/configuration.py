"""Rewrites a model's configuration to what ONNX Runtime computes well: float32 throughout, batches of any size.

The weights stay as they are: Keras casts them to the type of the layer that takes them when it loads them.
"""

from typing import Any

from convert.keras_file import Configuration

PRECISIONS = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
TYPE_KEYS = ("dtype", "source_name", "default_policy")
BATCH_KEYS = ("batch_shape", "batch_input_shape")


def make_plain(configuration: Configuration) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration in float32 and with a batch of any size, and a note on each thing that was not so.

    Without notes it is the one that was given.
    """
    found: list[str] = []
    plain = _rewrite(configuration, "", found)
    return (plain if found else configuration), tuple(dict.fromkeys(found))


def _rewrite(value: Any, key: str, found: list[str]) -> Any:
    if isinstance(value, dict):
        name = str(value.get("class_name", ""))
        if name.endswith("Policy") and isinstance(value.get("config"), dict):
            return {**value, "config": {key: _rewrite(item, "dtype", found) for key, item in value["config"].items()}}
        if name == "DepthwiseConv2D":
            value = _without_groups(value, found)
        return {key: _rewrite(item, key, found) for key, item in value.items()}
    if isinstance(value, list):
        if key in BATCH_KEYS and value and isinstance(value[0], int):
            found.append(f"the batch is of any size, not of {value[0]}")
            return [None, *value[1:]]
        return [_rewrite(item, "", found) for item in value]
    if key in TYPE_KEYS and value in PRECISIONS:
        found.append(f"computed in float32; the model was saved with {value}")
        return "float32"
    return value


def _without_groups(layer: Configuration, found: list[str]) -> Configuration:
    # Keras 2 wrote groups=1 there, which Keras 3 refuses.
    config = layer.get("config")
    if not isinstance(config, dict) or config.get("groups") != 1:
        return layer
    found.append("a DepthwiseConv2D is of Keras 2")
    return {**layer, "config": {key: item for key, item in config.items() if key != "groups"}}
