"""What a model's outputs are found to be before it serves, and whether images may share a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.errors import LimitError, ModelError
from service.inference.device import Device
from service.inference.model import Model, sound
from service.inference.trial import make_pictures, read_rows
from service.settings import Settings
from tests.service.models import constant, save, shade_model

CPU = Device("cpu", threads=1)


def load(path: Path) -> Model:
    return Model("test", 1, path, CPU, Settings(max_batch=4))


def mean_model(
    path: Path, *nodes: onnx.NodeProto, batch: int | str = "N", side: int | str = 4, **metadata: str
) -> Path:
    """Of the means (N, 3) of each channel of (N, side, side, 3) uint8, whatever the nodes make of them."""
    means = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
    ]
    return save(path, [*means, *nodes], [batch, side, side, 3], TensorProto.UINT8, 3, **metadata)


def largest_of_batch(batch: int | str, path: Path) -> Path:
    largest = helper.make_node("ReduceMax", ["means"], ["largest"], keepdims=1)
    return mean_model(path, largest, helper.make_node("Div", ["means", "largest"], ["scores"]), batch=batch)


def test_trial_pictures_differ_in_every_way() -> None:
    for shape in ((4, 4, 1), (224, 224, 3), (1, 1, 4)):
        pictures = make_pictures(shape)
        assert {(picture.shape, str(picture.dtype)) for picture in pictures} == {(shape, "uint8")}
    assert len({picture.max() for picture in make_pictures((8, 8, 3))}) == 3


@pytest.mark.parametrize(
    ("shape", "count", "values"),
    [
        ((1, 5), 1, 5),
        ((5,), 1, 5),
        ((), 1, 1),
        ((1, 1, 5), 1, 5),
        ((1, 5, 1, 1), 1, 5),
        ((3, 5), 3, 5),
        ((3,), 3, 1),
        ((3, 1, 5), 3, 5),
        ((1, 5), 3, 0),
        ((15,), 3, 0),
        ((1, 4, 4), 1, 0),
        ((3, 4, 4), 3, 0),
        ((1, 0), 1, 0),
    ],
)
def test_rows_of_outputs(shape: tuple[int, ...], count: int, values: int) -> None:
    rows = read_rows(np.zeros(shape, np.float16), count)
    assert (None if rows is None else rows.shape) == ((count, values) if values else None)


def test_images_that_would_change_each_others_answers_run_one_by_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "service"):
        model = load(largest_of_batch("N", tmp_path / "model.onnx"))
    assert model.max_batch == 1
    assert "test: images run one by one, because its answers depend on the other images of a batch." in caplog.messages
    assert load(shade_model(tmp_path / "other.onnx")).max_batch == 4


def test_a_fixed_batch_whose_images_change_each_others_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it takes batches of 2 images only, and its answers depend on the other"):
        load(largest_of_batch(2, tmp_path / "model.onnx"))


def test_an_image_that_a_model_of_any_size_cannot_run_is_told(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("MaxPool", ["planes"], ["pooled"], kernel_shape=[8, 8]),
        helper.make_node("ReduceMean", ["pooled"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    model = load(mean_model(tmp_path / "model.onnx", *nodes, side="side"))
    (error,) = model.run([np.zeros((4, 4, 3), np.uint8)])
    assert isinstance(error, LimitError)
    assert "the model cannot run on an image of 4x4: " in str(error)
    with pytest.raises(LimitError):
        sound([error])
    ((best, row),) = sound(model.run([np.full((9, 30, 3), (1, 2, 9), np.uint8)]))
    assert (best, row.shape) == (2, (3,))
    assert not model.is_quick  # a large picture takes longer than the one that was timed


def test_the_maps_of_scikit_learn_are_taken_apart(tmp_path: Path) -> None:
    """Its models end in ZipMap, a map of label to probability for each picture."""
    nodes = [
        helper.make_node("Softmax", ["image"], ["probabilities"], axis=1),
        helper.make_node(
            "ZipMap", ["probabilities"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[*range(10, 74)]
        ),
        helper.make_node("ArgMax", ["image"], ["label"], axis=1, keepdims=0),
    ]
    maps = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 64])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
            helper.make_value_info("maps", helper.make_sequence_type_proto(maps)),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    path = tmp_path / "1/model.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    model = load(path)
    assert (model.input.layout, model.input.height, model.classes, model.labels[:2]) == ("NC", 8, 64, [10, 11])
    picture = np.zeros((8, 8, 1), np.uint8)
    picture[1, 2] = 255
    ((best, row),) = sound(model.run([picture]))
    assert best == 10
    assert row[10] == pytest.approx(np.e / (63 + np.e))


def test_several_outputs_that_could_be_meant_are_asked(tmp_path: Path) -> None:
    double = helper.make_node("Mul", ["means", "two"], ["scores"])
    path = mean_model(tmp_path / "model.onnx", constant("two", 2.0), double)
    proto = onnx.load(path)
    proto.graph.node[-1].output[0] = "doubles"
    del proto.graph.output[:]
    for name in ("means", "doubles"):
        proto.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]))
    onnx.save(proto, path)
    with pytest.raises(
        ModelError, match=r"which output is meant, 'means' or 'doubles'\? Say upload_and_classify.output"
    ):
        load(path)
    helper.set_model_props(proto, {"upload_and_classify.output": "doubles"})
    onnx.save(proto, path)
    assert load(path).output_name == "doubles"


@pytest.mark.parametrize("device", [CPU, replace(CPU, slots=2, padded=True)], ids=["plain", "like a gpu"])
@pytest.mark.parametrize(
    ("shape", "together"), [([0, 3, 1, 1], True), ([0, 1, 3], True), ([3], False), ([3, 1], False)]
)
def test_outputs_of_every_form_are_rows(shape: list[int], together: bool, device: Device, tmp_path: Path) -> None:
    """In the reshape, 0 keeps the axis of the batch; without it, a batch is no batch."""
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array(shape))),
        helper.make_node("Reshape", ["means", "shape"], ["scores"]),
    ]
    proto = onnx.load(mean_model(tmp_path / "model.onnx", *nodes))
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, tmp_path / "model.onnx")
    model = Model("test", 1, tmp_path / "model.onnx", device, Settings(max_batch=4))
    assert model.max_batch == (4 if together else 1)
    pictures = [np.full((4, 4, 3), np.roll((90, 10, 20), turn), np.uint8) for turn in range(3)]
    for start in range(0, 3, model.max_batch):
        batch = pictures[start : start + model.max_batch]
        assert [best for best, _ in sound(model.run(batch))] == list(range(start, start + len(batch)))
    model.runner.close()
