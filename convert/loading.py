"""Loads a Keras file or a SavedModel: a function from the model's own input to its outputs, and what both look like.

Does not judge them: adapters.py finds the image and the classes.
"""

import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from convert.configuration import make_plain
from convert.errors import SourceError
from convert.imports import import_objects
from convert.keras_file import copied_with, read_configuration

Shape = tuple[int | None, ...]

SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
# What computes, and the types that ONNX has no such operation for, or ONNX Runtime none on the CPU.
PRODUCTS = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Einsum")
UNCOMPUTED = {"bfloat16": PRODUCTS, "float64": PRODUCTS[:2]}


class Tensor(NamedTuple):
    """An input or an output."""

    name: str
    shape: Shape  # () where even the rank is unknown
    dtype: str


class Loaded(NamedTuple):
    """A loaded model; `call` takes the one input and gives every output by its name."""

    call: Callable[[Any], dict[str, Any]]
    inputs: list[Tensor]
    outputs: list[Tensor]
    notes: tuple[str, ...] = ()  # what was changed to load it


def load_keras(path: Path, trust: bool, imports: tuple[Path, ...]) -> Loaded:
    """Load a .keras or .h5 file in float32 and with a dynamic batch, whatever it was saved with.

    With `trust` it may bring code of its own; `imports` are Python files with its custom classes. Raises SourceError
    for what can be told of the file, and anything else that Keras raises.
    """
    import keras

    configuration, notes = make_plain(read_configuration(path))
    objects = import_objects(imports)
    with copied_with(path, configuration) if notes else nullcontext(path) as file:
        # compile=False: losses and metrics may be custom, and none is needed here.
        model = keras.models.load_model(file, custom_objects=objects, compile=False, safe_mode=not trust)
    inputs = _find_inputs(path, model)
    if len(inputs) > 1:
        return Loaded(lambda image: {}, inputs, [], notes)
    spec = model.compute_output_spec(keras.KerasTensor(inputs[0].shape, inputs[0].dtype))
    names = _name_outputs(model, spec)
    _name_plainly(model)

    def call(image: Any) -> dict[str, Any]:
        return dict(zip(names, keras.tree.flatten(model(image, training=False)), strict=True))

    if trust:
        _try(call, inputs[0])
    outputs = zip(names, keras.tree.flatten(spec), strict=True)
    return Loaded(call, inputs, [Tensor(name, tuple(t.shape), t.dtype) for name, t in outputs], notes)


def _name_plainly(model: Any) -> None:
    # TensorFlow's scopes are of ASCII without spaces; Keras takes a layer of any name, and makes a scope of it.
    for layer in model._flatten_layers():
        if not SCOPE.fullmatch(layer.name):
            layer.name = "layer_" + re.sub(r"[^A-Za-z0-9]", "_", layer.name)


def _try(call: Callable[[Any], Any], tensor: Tensor) -> None:
    # The code of a Lambda layer may need names that the file does not bring: it is better to know that here.
    import tensorflow as tf

    tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec(tensor.shape, tensor.dtype))


def _find_inputs(path: Path, model: Any) -> list[Tensor]:
    if getattr(model, "inputs", None):
        return [Tensor(t.name, tuple(t.shape), t.dtype) for t in model.inputs]
    # A subclassed model knows the shape that it was built with, and takes what its layers take.
    shape = (model.get_build_config() or {}).get("input_shape")
    if not (isinstance(shape, list | tuple) and all(size is None or isinstance(size, int) for size in shape)):
        raise SourceError(
            f"{path} has never been built, so its input shape is unknown; start it with keras.Input(shape=...), "
            "or call it on images once before it is saved."
        )
    return [Tensor("image", (None, *shape[1:]), "float32")]


def _name_outputs(model: Any, spec: Any) -> list[str]:
    # The keys of a dictionary, in the order in which Keras flattens it; otherwise the layers the outputs come from.
    if isinstance(spec, dict):
        return sorted(spec)
    count = len(spec) if isinstance(spec, list | tuple) else 1
    names = list(getattr(model, "output_names", ()))
    if len(names) != count or len(set(names)) != count:
        names = [f"output_{index}" for index in range(count)]
    return names


def load_saved_model(path: Path) -> Loaded:
    """Load the signature serving_default of the SavedModel at `path`, or its only one. Raises SourceError for none."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signatures = dict(loaded.signatures)
    if "serving_default" not in signatures and len(signatures) != 1:
        names = ", ".join(map(repr, signatures)) or "none"
        raise SourceError(
            f"{path} has no signature serving_default (its signatures: {names}); write it with Keras's model.export()."
        )
    signature = signatures.get("serving_default") or next(iter(signatures.values()))
    inputs = signature.structured_input_signature[1]

    def call(image: Any) -> dict[str, Any]:
        _ = loaded  # the variables live as long as the loaded object does
        outputs: dict[str, Any] = signature(**{next(iter(inputs)): image})
        return outputs

    notes = _check_precision(path, signature)
    return Loaded(call, _describe(inputs), _describe(signature.structured_outputs), notes)


def _check_precision(path: Path, signature: Any) -> tuple[str, ...]:
    # A graph's types cannot be changed as a Keras file's can.
    import tensorflow as tf

    graph = signature.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = {(node.op, tf.as_dtype(node.attr["T"].type).name) for node in nodes if node.op in PRODUCTS}
    way_out = "convert the .keras file that it was exported from, or export it in float32"
    for operation, dtype in sorted(found):
        if operation in UNCOMPUTED.get(dtype, ()):
            raise SourceError(f"{path} has a {operation} of {dtype}, which ONNX Runtime does not compute; {way_out}.")
    if any(dtype == "float16" for _, dtype in found):
        return (f"it computes in float16; where its answers differ by more than the tolerance, {way_out}",)
    return ()


def _describe(specs: dict[str, Any]) -> list[Tensor]:
    # A shape of unknown rank cannot be listed; () is refused later with a message that shows it.
    return [Tensor(name, tuple(s.shape) if s.shape.rank is not None else (), s.dtype.name) for name, s in specs.items()]
