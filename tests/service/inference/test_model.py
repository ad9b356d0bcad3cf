from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.errors import DeviceError, ModelError, NotANumberError, PartitionedGraphError
from service.inference.activation import softmax
from service.inference.device import Device
from service.inference.model import Model, sound
from service.inference.readers import read_description
from service.inference.session import open_session, read_placement
from service.settings import Settings
from tests.service.models import colour_model, constant, nan_model, save, shade_model

CPU = Device("cpu", threads=1)
RED, BLUE = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
RED[..., 0], BLUE[..., 2] = 255, 255


def load(path: Path, **settings: int) -> Model:
    return Model("test", 1, path, CPU, Settings(**settings))  # type: ignore[arg-type]


def probabilities(model: Model, images: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Rows (N, classes) of the results, whose best class is checked."""
    results = sound(model.run(images))
    assert all(best == row.argmax() for best, row in results)
    return np.stack([row for _, row in results])


def test_probabilities_are_given_as_they_are(tmp_path: Path) -> None:
    model = load(shade_model(tmp_path / "model.onnx"))
    images = [np.full((4, 4, 1), grey, np.uint8) for grey in (0, 51, 255)]
    assert probabilities(model, images) == pytest.approx(np.array([[1, 0], [0.8, 0.2], [0, 1]]))


def test_an_output_that_is_no_number_is_refused_at_the_start_and_an_error_of_its_image_later(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"output 'scores' is not a number \(NaN or infinite\) for an image of noise"):
        load(nan_model(tmp_path / "always/model.onnx", above=-1))
    model = load(nan_model(tmp_path / "model.onnx", above=254))
    outcomes = model.run([np.full((4, 4, 1), grey, np.uint8) for grey in (0, 255, 51)])
    assert [isinstance(outcome, NotANumberError) for outcome in outcomes] == [False, True, False]
    with pytest.raises(NotANumberError):
        sound(outcomes)


def test_logits_become_probabilities(tmp_path: Path) -> None:
    model = load(colour_model(tmp_path / "model.onnx"))
    assert probabilities(model, [RED, BLUE]) == pytest.approx(softmax(np.array([[1, 0, 0], [0, 0, 1]], np.float32)))


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_floating_point_inputs_are_zero_to_one_unless_the_model_says_otherwise(dtype: int, tmp_path: Path) -> None:
    for name, low, high in [("", 0, 1), ("Normalized_1_1", -1, 1), ("NominalRange_0_255", 0, 255)]:
        path = tmp_path / f"{name}.onnx"
        metadata = {"Image__NominalPixelRange": name} if name else {}
        model = load(colour_model(path, 4, dtype, **metadata))
        expected = softmax(np.array([[high, low, low]], np.float32))
        assert probabilities(model, [RED]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        ("Mul", 1 / 255, (0, 255)),
        ("turned Mul", 1 / 255, (0, 255)),
        ("turned Div", 255.0, (0, 1)),
        ("Mul", 1 / 127.5, (0, 255)),
        ("Mul", 2.0, (0, 1)),
        ("Div", 255.0, (0, 255)),
        ("Div", 0.5, (0, 1)),
        ("Sub", 127.5, (0, 255)),
        ("Sub", 0.5, (0, 1)),
        ("Add", 127.5, (0, 1)),
    ],
)
def test_a_graph_that_scales_pixels_itself_gets_them_as_they_are(
    operation: str, value: float, expected: tuple[int, int], tmp_path: Path
) -> None:
    """Keras's models begin with a Rescaling."""
    order = ["value", "turned"] if operation.startswith("turned") else ["turned", "value"]
    nodes = [
        helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]),
        constant("value", value),
        helper.make_node(operation.split()[-1], order, ["scaled"]),
        helper.make_node("ReduceMean", ["scaled"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    model = load(save(tmp_path / "model.onnx", nodes, ["N", 4, 5, 3], TensorProto.FLOAT, 3))
    assert model.description.get("range") == expected
    said = save(tmp_path / "said.onnx", nodes, ["N", 4, 5, 3], TensorProto.FLOAT, 3, upload_and_classify__mean="0.5")
    assert load(said).description.get("range") == (0, 1)


def test_a_model_that_wants_blue_first_gets_it(tmp_path: Path) -> None:
    model = load(colour_model(tmp_path / "model.onnx", Image__BitmapPixelFormat="Bgr8"))
    assert [best for best, _ in sound(model.run([RED, BLUE]))] == [2, 0]


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [(["N", 4, 4], TensorProto.UINT8), (["N", 1, 4, 4], TensorProto.UINT8), ([2, 4, 4], TensorProto.FLOAT)],
)
def test_the_conversion_reaches_every_layout(shape: list[int | str], dtype: int, tmp_path: Path) -> None:
    """The model answers with the mean of its first and of its last row: an upright image stays upright."""
    rows = [
        constant("white", 255.0 if dtype == TensorProto.UINT8 else 1.0),
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("Split", ["flat"], ["a", "b", "c", "d"], axis=1),
        helper.make_node("ReduceMean", ["a"], ["first"], axes=[1]),
        helper.make_node("ReduceMean", ["d"], ["last"], axes=[1]),
        helper.make_node("Concat", ["first", "last"], ["both"], axis=1),
        helper.make_node("Div", ["both", "white"], ["scores"]),
    ]
    model = load(save(tmp_path / "model.onnx", rows, shape, dtype, 2), max_batch=2)
    assert not model.input.takes_pixels
    top = np.zeros((4, 4, 1), np.uint8)
    top[0] = 255
    assert model.runner.run([top, top[::-1]]) == pytest.approx(np.array([[1, 0], [0, 1]]))


def test_a_model_with_external_data_is_found_beside_its_file(tmp_path: Path) -> None:
    """Also where the conversion of pixels is put before it, and the model is given to ONNX Runtime as bytes."""
    path = colour_model(tmp_path / "model.onnx")
    proto = onnx.load(path)
    weights = numpy_helper.from_array(np.tile(np.array([[[[2]], [[3]], [[4]]]], np.float32), (1, 1, 4, 4)), "weights")
    proto.graph.initializer.append(weights)
    proto.graph.node.insert(0, helper.make_node("Mul", ["image", "weights"], ["weighted"]))
    proto.graph.node[1].input[0] = "weighted"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size >= weights.ByteSize() - 100
    assert probabilities(load(path), [RED]) == pytest.approx(softmax(np.array([[2, 0, 0]], np.float32)))


@pytest.mark.parametrize("batch", ["N", 1, 3])
def test_every_batch_size_gives_the_same_answers(batch: int | str, tmp_path: Path) -> None:
    model = load(shade_model(tmp_path / "model.onnx", batch=batch), max_batch=7)
    assert model.max_batch == (7 if batch == "N" else batch)
    for count in range(1, model.max_batch + 1):
        greys = np.linspace(0, 255, count).astype(np.uint8)
        outputs = probabilities(model, [np.full((4, 4, 1), grey, np.uint8) for grey in greys])
        assert outputs[:, 1] == pytest.approx(greys / 255, abs=1e-6)


def test_a_model_whose_batches_take_long_is_given_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.inference.runner.MAX_BATCH_S", 0.0)
    assert load(shade_model(tmp_path / "model.onnx")).max_batch == 1


def test_nodes_that_fall_to_the_cpu_are_refused_or_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a GPU that lacks a kernel: the placement is real, looked at as if the CPU were the fallback."""
    path = shade_model(tmp_path / "model.onnx")
    monkeypatch.setattr(
        "service.inference.model.read_placement", lambda session, _: read_placement(session, Device("cuda", 1))
    )
    strict = Device("cpu", threads=1, strict=True)
    with pytest.raises(DeviceError, match=r"but 1 nodes run on the CPU: ReduceMean .*SERVICE_DEVICE=auto allows that"):
        Model("test", 1, path, strict, Settings())
    assert Model("test", 1, path, CPU, Settings()).placement.strays
    assert "test: 1 nodes run on the CPU: ReduceMean" in caplog.text


def test_a_model_that_allows_no_cuda_graphs_runs_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, device: Device, *others: object) -> object:
        if device.graphs:
            raise ModelError("ONNX Runtime cannot load it: This session cannot use the graph capture feature")
        return open_session(source, device)

    monkeypatch.setattr("service.inference.model.open_session", refuse)
    model = Model("test", 1, shade_model(tmp_path / "model.onnx"), Device("cpu", 1, graphs=True), Settings())
    assert not model.device.graphs
    assert model.placement.strays == []
    assert probabilities(model, [np.full((4, 4, 1), 255, np.uint8)]).tolist() == [[0, 1]]


def test_operations_that_pass_for_shapes_are_strays_where_graphs_are_refused_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime refuses CUDA graphs where a batch goes through the CPU; no operation's name shows that."""
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array([-1, 4]))),
        helper.make_node("Reshape", ["floats", "shape"], ["scores"]),
    ]
    path = save(tmp_path / "model.onnx", nodes, ["N", 2, 2, 1], TensorProto.UINT8, 4)
    refusals = iter(
        [PartitionedGraphError("compute graph nodes have not been partitioned to the CUDAExecutionProvider"), None]
    )

    def refuse_once(source: Path, device: Device, *others: object) -> object:
        refusal = next(refusals)
        if refusal:
            raise refusal
        return open_session(source, device)

    def as_cuda(session: object, device: Device, every_one: bool = False) -> object:
        return read_placement(session, Device("cuda", 1), every_one)

    monkeypatch.setattr("service.inference.model.open_session", refuse_once)
    monkeypatch.setattr("service.inference.model.read_placement", as_cuda)
    with pytest.raises(DeviceError, match="but 2 nodes run on the CPU: Cast , Reshape "):
        Model("test", 1, path, Device("cpu", 1, strict=True, graphs=True), Settings())


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        (["N", "H", "W", 3], TensorProto.FLOAT, "output 'scores' has another length for pictures of another size"),
        (["N", 4, "W", 3], TensorProto.FLOAT, "one side is open; say upload_and_classify.size, such as 4x192"),
        (["N", 5, 4, 7], TensorProto.FLOAT, "of 1, 3 or 4 channels"),
        (["N", 17], TensorProto.FLOAT, r"input 'image' has shape \['N', 17\], which is no square picture"),
        (["N", 16], TensorProto.FLOAT, r"input 'image' has shape \['N', 16\], which is no square picture"),
        (["N", "x", "y", "z"], TensorProto.FLOAT, "could be NHWC or NCHW; say which: upload_and_classify.layout"),
        (["N", "C", "H", "W"], TensorProto.FLOAT, "how many channels has it"),
        (["N", 4, 4, 3], TensorProto.BOOL, r"input 'image' has the type tensor\(bool\); an image input is one of "),
    ],
)
def test_an_input_that_is_no_image_is_refused(shape: list[int | str], dtype: int, message: str, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["scores"]),
    ]
    with pytest.raises(ModelError, match=message):
        load(save(tmp_path / "model.onnx", nodes, shape, dtype, 16))


def test_an_output_that_is_no_classifiers_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["image"], ["scores"], to=TensorProto.FLOAT)]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 4, 5, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"output 'scores' has shape \(1, 4, 5, 3\); a classifier's is \(N, classes\)"):
        load(tmp_path / "model.onnx")


def test_labels_are_numbers_or_text(tmp_path: Path) -> None:
    def labels(metadata: dict[str, str], classes: int) -> list[int | str]:
        return read_description(metadata, tmp_path).find_labels(classes)

    assert labels({}, 3) == [0, 1, 2]
    assert labels({"names": "{0: 5, 1: 'five'}"}, 2) == [5, "five"]
    for names in ("{0: 'a'}", "{0: 'a', 1: 'b', 2: 'c'}", "nonsense(", "{0: None, 1: 2}", "7"):
        with pytest.raises(ModelError, match="metadata '?names"):
            labels({"names": names}, 2)


def test_a_key_that_is_mistyped_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"did you mean upload_and_classify\.channels\?"):
        load(shade_model(tmp_path / "model.onnx", upload_and_classify__chanels="gray"))
    with pytest.raises(ModelError, match="the keys are range, mean, std, "):
        load(shade_model(tmp_path / "model.onnx", upload_and_classify__xyzzy="gray"))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shorter_side": "8"}, "upload_and_classify.shorter_side is said, and upload_and_classify.resize is not crop"),
        ({"margin": "0.1"}, "upload_and_classify.margin is said, and upload_and_classify.resize is not trim"),
        ({"shorter_side": "3", "resize": "crop"}, "a shorter_side of 3, which does not cover 4x4"),
        ({"size": "5"}, "upload_and_classify.size is the size 5x5, and input 'image' has shape"),
        ({"mean": "1,2"}, "upload_and_classify.mean has a mean of 2 numbers; the model has 1 channels"),
        ({"range": "0..1"}, "pixels are 0 to 1 by the range, mean and std of upload_and_classify.range, and the input"),
        ({"mean": "10"}, "pixels are -10 to 245 by .* is uint8, 0 to 255"),
        ({"labels": '["a"]'}, "upload_and_classify.labels has 1 labels; the model has 2 classes"),
        ({"output": "x"}, "upload_and_classify.output is 'x'; the model's outputs are 'scores' tensor"),
    ],
)
def test_what_a_model_contradicts_is_refused(keys: dict[str, str], message: str, tmp_path: Path) -> None:
    metadata = {f"upload_and_classify__{key}": value for key, value in keys.items()}
    with pytest.raises(ModelError, match=message):
        load(shade_model(tmp_path / "model.onnx", **metadata))  # type: ignore[arg-type]


def test_what_is_known_of_a_model_says_from_where(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = colour_model(tmp_path / "1/model.onnx", Image__BitmapPixelFormat="Bgr8", upload_and_classify__std="0.5")
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    with caplog.at_level("INFO", "service"):
        model = load(path)
    assert model.provenance == {
        "range": "0..1 (guessed: float32)",
        "std": "0.5 (upload_and_classify.std)",
        "channels": "bgr (Image.BitmapPixelFormat)",
        "layout": "NCHW (the shape)",
        "size": "4x4 (the shape)",
        "resize": "fit (default)",
        "background": "#ffffff (default)",
        "labels": "3: red, green, blue (labels.txt)",
        "activation": "softmax (guessed: logits)",
    }
    (line,) = [record.message for record in caplog.records if "bgr" in record.message]
    assert line.startswith("test: range 0..1 (guessed: float32), std 0.5 (upload_and_classify.std), channels bgr")
