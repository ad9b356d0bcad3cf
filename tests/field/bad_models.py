"""Bad cases: models that ONNX Runtime loads and that are no classifiers of images, or not to be told how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.field.bad_files import changed, content
from tests.field.case import Axis, Bad, Good
from tests.field.making import good
from tests.field.networks import model_of, save

Write = Callable[[Path], None]
Value = tuple[str, int, Sequence[Axis] | None]
ASK_LAYOUT = "layout|height|channels"
NOT_CLASSIFIER = "output|classifier|classes|class"
FLOAT = TensorProto.FLOAT


def graph(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[Value], outputs: Sequence[Value], **constants: Any
) -> bytes:
    """A model of these nodes."""
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "bad",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    if all(shape is not None for _, _, shape in outputs):  # the checker wants one, ONNX does not
        onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def node(operation: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by spaces."""
    return helper.make_node(operation, inputs.split(), outputs.split(), **attributes)


def model(case: Good) -> Write:
    """Writes a case that is good but for its input's shape, or what its metadata leaves out."""

    def write(folder: Path) -> None:
        save(case, folder / "1" / "model.onnx")
        for path, data in case.files.items():
            (folder / path).write_bytes(data)

    return write


def table(path: Path) -> None:
    """Write a classifier of 13 numbers that are no picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = np.ones((13, 3), np.float32)
    nodes = [node("MatMul", "x w", "m"), node("Softmax", "m", "y")]
    path.write_bytes(graph(nodes, [("x", FLOAT, ["N", 13])], [("y", FLOAT, ["N", 3])], w=weights))


def inputs() -> Iterator[Bad]:
    """Inputs that are no picture, or more than one."""
    image: Value = ("image", FLOAT, ["N", 3, 12, 12])
    scores: Value = ("scores", FLOAT, ["N", 3])
    mean = node("ReduceMean", "image", "means", axes=[2, 3], keepdims=0)
    softmax = node("Softmax", "sum", "scores")

    def two(second: Value, *nodes: onnx.NodeProto) -> Write:
        return content(lambda: graph([mean, *nodes, softmax], [image, second], [scores]))

    other = [node("ReduceMean", "other", "more", axes=[2, 3], keepdims=0), node("Add", "means more", "sum")]
    yield Bad("bad_two_images", "input", two(("other", FLOAT, ["N", 3, 12, 12]), *other), "rule")
    yield Bad("bad_image_and_number", "input", two(("t", FLOAT, []), node("Div", "means t", "sum")), "rule")
    yield Bad("bad_image_and_features", "input", two(("f", FLOAT, ["N", 3]), node("Add", "means f", "sum")), "rule")
    constant = node("Constant", "", "scores", value=numpy_helper.from_array(np.ones((1, 3), np.float32)))
    yield Bad("bad_no_input", "input", content(lambda: graph([constant], [], [("scores", FLOAT, [1, 3])])), "rule")
    yield Bad("bad_table", "input|picture|image|size|square", lambda folder: table(folder / "1/model.onnx"), "rule")
    shapes: list[tuple[str, list[Axis]]] = [
        ("video", ["N", 8, 3, 12, 12]),
        ("five_channels", ["N", 5, 12, 12]),
        ("seven_channels_last", ["N", 12, 12, 7]),
        ("one_number", ["N"]),
        ("no_height", ["N", 3, 0, 12]),
        ("words", ["N", "sequence"]),
        ("scalar", []),
        ("six_axes", [1, 1, 1, 3, 12, 12]),
    ]
    for name, shape in shapes:
        yield Bad(f"bad_input_{name}", "input|shape|channels|size", content(_flat(FLOAT, shape)), "rule")
    for name, dtype in (("bool", TensorProto.BOOL), ("string", TensorProto.STRING)):
        yield Bad(f"bad_input_{name}", f"{name}|dtype|type", content(_flat(dtype, ["N", 3, 12, 12])), "rule")
    yield Bad("bad_input_sequence", "sequence|seq|input|tensor", content(_sequence), "rule")
    yield Bad("bad_tokens", "input|shape|size", content(_flat(TensorProto.INT64, ["batch", 128])), "rule")


def _flat(dtype: int, shape: Sequence[Axis]) -> Callable[[], bytes]:
    """A model that gives three probabilities, whatever comes in."""
    constant = np.array([[0.2, 0.3, 0.5]], np.float32)

    def make() -> bytes:
        nodes = [node("Identity", "constant", "scores"), node("Shape", "image", "shape")]
        outputs = [("scores", FLOAT, [1, 3]), ("shape", TensorProto.INT64, [len(shape)])]
        return graph(nodes, [("image", dtype, shape)], outputs, constant=constant)

    return make


def _sequence() -> bytes:
    model = model_of(good("sequence"))
    at = node("SequenceAt", "images zero", "image")
    model.graph.node.insert(0, at)
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.int64), "zero"))
    del model.graph.input[:]
    model.graph.input.append(helper.make_tensor_sequence_value_info("images", FLOAT, ["N", 3, 12, 12]))
    data: bytes = model.SerializeToString()
    return data


def questions() -> Iterator[Bad]:
    """Good models of which something must be asked."""
    open_colour: dict[str, Any] = {"shape": ("N", "C", "H", "W"), "size": (12, 12)}
    yield Bad("bad_asks_four_unnamed", ASK_LAYOUT, model(good("q", shape=(None,) * 4)), "rule")
    yield Bad("bad_asks_four_letters", ASK_LAYOUT, model(good("q", shape=("a", "b", "c", "d"))), "rule")
    yield Bad("bad_asks_channels", "channels", model(good("q", **open_colour)), "rule")
    yield Bad("bad_asks_nchw_or_nhwc", ASK_LAYOUT, model(good("q", size=(12, 3))), "rule")
    yield Bad("bad_asks_three_by_three", ASK_LAYOUT, model(good("q", size=(3, 3), grid=(3, 3))), "rule")
    flat: dict[str, Any] = {"layout": "NC", "channels": "gray"}
    yield Bad("bad_asks_flat", "size|square", model(good("q", shape=("N", 96), size=(8, 12), **flat)), "rule")
    yield Bad(
        "bad_asks_flat_open",
        "size|shape",
        model(good("q", shape=("N", "pixels"), **flat)),
        "rule",
    )


def outputs() -> Iterator[Bad]:
    """Outputs of other models."""
    image: Value = ("image", FLOAT, ["N", 3, 12, 12])

    def gives(*nodes: onnx.NodeProto, shape: Sequence[Axis] | None, dtype: int = FLOAT, **constants: Any) -> Write:
        return content(lambda: graph(nodes, [image], [("out", dtype, shape)], **constants))

    yield Bad("bad_upscaler", NOT_CLASSIFIER, gives(node("Relu", "image", "out"), shape=["N", 3, 12, 12]), "rule")
    mask = node("ReduceMean", "image", "out", axes=[1], keepdims=1)
    yield Bad("bad_segmenter", NOT_CLASSIFIER, gives(mask, shape=["N", 1, 12, 12]), "rule")
    boxes = node("Reshape", "image boxes", "out")
    yield Bad(
        "bad_detector",
        NOT_CLASSIFIER,
        gives(boxes, shape=["N", 72, 6], boxes=np.array([-1, 72, 6], np.int64)),
        "rule",
    )
    best = [node("ReduceMean", "image", "m", axes=[2, 3], keepdims=0), node("ArgMax", "m", "out", axis=1, keepdims=0)]
    yield Bad("bad_argmax_alone", NOT_CLASSIFIER, gives(*best, shape=["N"], dtype=TensorProto.INT64), "rule")
    empty = [node("Flatten", "image", "f"), node("Slice", "f zero zero one", "out")]
    numbers: dict[str, Any] = {"zero": np.array([0], np.int64), "one": np.array([1], np.int64)}
    yield Bad("bad_no_classes", NOT_CLASSIFIER, gives(*empty, shape=["N", 0], **numbers), "rule")
    rows = node("Reshape", "image rows", "out")
    yield Bad(
        "bad_rows_for_regions",
        NOT_CLASSIFIER,
        gives(rows, shape=None, rows=np.array([-1, 4], np.int64)),
        "rule",
    )
    text = [node("ReduceMean", "image", "m", axes=[2, 3], keepdims=0), node("Cast", "m", "out", to=TensorProto.STRING)]
    yield Bad("bad_strings", NOT_CLASSIFIER + "|string", gives(*text, shape=["N", 3], dtype=TensorProto.STRING), "rule")


def wide() -> Iterator[Bad]:
    """Outputs whose length is that of the picture, as text readers have them."""
    image: Value = ("image", FLOAT, ["N", 3, 12, "width"])
    columns = node("ReduceMean", "image", "out", axes=[1, 2], keepdims=0)

    def make() -> bytes:
        return graph([columns], [image], [("out", FLOAT, ["N", "width"])])

    yield Bad("bad_class_for_each_column", NOT_CLASSIFIER + "|size|width", content(make), "rule")


def numbers() -> Iterator[Bad]:
    """Outputs that are no numbers, and runs that fail."""

    def scaled(value: float) -> Callable[[onnx.ModelProto], None]:
        def change(model: onnx.ModelProto) -> None:
            bias = next(each for each in model.graph.initializer if list(each.dims) == [3])
            bias.CopyFrom(numpy_helper.from_array(np.full(3, value, np.float32), bias.name))

        return change

    yield Bad("bad_nan", "nan|not a number|finite", changed(scaled(np.nan)), "nan")
    yield Bad("bad_infinite", "inf|not a number|finite|nan", changed(scaled(np.inf), head="logits"), "nan")
    yield Bad("bad_nan_bytes", "nan|not a number|finite", changed(scaled(np.nan), layout="NHWC", dtype="uint8"), "nan")

    def some_nan(model: onnx.ModelProto) -> None:
        bias = next(each for each in model.graph.initializer if list(each.dims) == [3])
        bias.CopyFrom(numpy_helper.from_array(np.array([0, np.nan, 0], np.float32), bias.name))

    yield Bad("bad_nan_in_one_class", "nan|not a number|finite", changed(some_nan, head="logits"), "nan")

    def other_size(model: onnx.ModelProto) -> None:
        shape = model.graph.input[0].type.tensor_type.shape
        shape.dim[2].dim_value, shape.dim[3].dim_value = 13, 11

    def hungry(model: onnx.ModelProto) -> None:
        """40 TB for each picture, which no machine has."""
        scores = model.graph.node[-1].input[0]
        model.graph.initializer.append(numpy_helper.from_array(np.array([10**13], np.int64), "terabytes"))
        nodes = [
            node("Shape", "image", "count", start=0, end=1),
            node("Mul", "count terabytes", "size"),
            node("ConstantOfShape", "size", "zeros"),
            node("ReduceSum", "zeros", "zero", keepdims=0),
            node("Add", f"{scores} zero", "sums"),
        ]
        model.graph.node[-1].input[0] = "sums"
        for each in nodes:
            model.graph.node.insert(len(model.graph.node) - 1, each)

    yield Bad("bad_hungry", "run|memory|alloc", changed(hungry), "run")

    # The Reshape of regions does not take what the file declares; ONNX Runtime notices when it runs.
    yield Bad("bad_size_declared", "run|reshape|shape|load", changed(other_size), "run")


def cases() -> Iterator[Bad]:
    """All of this file."""
    for part in (inputs, questions, outputs, wide, numbers):
        yield from part()
