"""A model by its own tensors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import ml_dtypes
import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from service.counters import Counters
from service.errors import FailedModelError, TensorError
from service.inference.device import Device
from service.inference.model import Model
from service.inference.own_tensors import OwnTensors
from service.inference.statistics import Statistics
from service.inference.tensor_model import TensorModel
from service.settings import Settings
from tests.service.models import colour_model, save, shade_model

CPU = Device("cpu", 1)


def load(path: Path) -> Model:
    return Model("test", 1, path, CPU, Settings())


def own_tensors(model: Model) -> OwnTensors:
    return OwnTensors(model, 0.1, Statistics(Counters(), "test", 1))


def test_a_model_of_pixels_shares_its_session(tmp_path: Path) -> None:
    pixels = load(shade_model(tmp_path / "model.onnx"))
    assert TensorModel(pixels)._session is pixels.runner.session
    floats = load(colour_model(tmp_path / "floats.onnx"))
    assert TensorModel(floats)._session is not floats.runner.session


def test_bfloat16_goes_in(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    path = save(tmp_path / "model.onnx", nodes, ["N", 3, 4, 4], TensorProto.BFLOAT16, 3)
    tensor = np.arange(96, dtype=np.float32).reshape(2, 3, 4, 4).astype(ml_dtypes.bfloat16)
    model = TensorModel(load(path))
    answers = model.run(model.split(tensor))
    scores = np.concatenate([answer[0] for answer in answers if not isinstance(answer, TensorError)])
    np.testing.assert_array_equal(scores, tensor.astype(np.float32).mean(axis=(2, 3)))


def test_maps_are_given_as_their_numbers(tmp_path: Path) -> None:
    """As scikit-learn's models end; ONNX Runtime itself gives a dictionary for each row."""
    path = colour_model(tmp_path / "model.onnx")
    import onnx

    model = onnx.load(path)
    model.graph.node.append(
        helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["r", "g", "b"])
    )
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    del model.graph.output[:]
    model.graph.output.append(helper.make_value_info("maps", helper.make_sequence_type_proto(kind)))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 2))
    onnx.save(model, path)
    tensor = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (maps,) = session.run(None, {"image": tensor})
    own = TensorModel(load(path))
    assert [output.name for output in own.outputs] == ["scores"]
    for answer, expected in zip(own.run(own.split(tensor)), maps, strict=True):
        assert not isinstance(answer, TensorError)
        np.testing.assert_allclose(answer[0][0], [expected[label] for label in "rgb"])


def test_a_file_that_has_changed_is_not_taken_for_the_one_that_is_served(tmp_path: Path) -> None:
    path = colour_model(tmp_path / "model.onnx")
    tensors = own_tensors(load(path))
    colour_model(path, size=5)

    async def ask() -> None:
        with pytest.raises(FailedModelError, match="cannot be taken: its file has changed since it was loaded$"):
            await tensors.open()
        path.unlink()
        with pytest.raises(FailedModelError, match="its file cannot be read any more: No such file or directory$"):
            await tensors.open()

    asyncio.run(ask())


def test_the_session_is_opened_once_though_its_first_client_leaves(tmp_path: Path) -> None:
    tensors = own_tensors(load(colour_model(tmp_path / "model.onnx")))

    async def ask() -> None:
        first = asyncio.create_task(tensors.open())
        await asyncio.sleep(0)
        others = [asyncio.create_task(tensors.open()) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        opened = await asyncio.gather(*others)
        assert len({id(model) for model, _ in opened}) == len({id(batcher) for _, batcher in opened}) == 1
        await tensors.close()

    asyncio.run(ask())


def test_what_has_failed_is_tried_again_by_the_next_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        own = own_tensors(load(colour_model(tmp_path / "model.onnx")))
        with monkeypatch.context() as patched:

            def fail(*_: object) -> None:
                raise RuntimeError("can't start new thread")

            patched.setattr("service.inference.own_tensors.TensorModel", fail)
            with pytest.raises(RuntimeError):
                await own.open()
        one, other = await asyncio.gather(own.open(), own.open())
        assert one == other
        await own.close()

    asyncio.run(main())
