"""The reference agrees with ONNX Runtime, a wrong preprocessing is seen, and bad cases are bad."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from tests.field.case import Bad, Good
from tests.field.cases import BAD, GOOD
from tests.field.folder import write_case
from tests.field.mistakes import is_clear, unseen
from tests.field.networks import DTYPES
from tests.field.reference import compute, normalize, prepare, round_to, tensor_of
from tests.field.weights import values_of, weights_of

EXACT = 1e-3  # of probabilities; ONNX Runtime computes in float32, some models in float16
RAW = ("logits", "one_logit")

good_cases = pytest.mark.parametrize("case", GOOD.values(), ids=GOOD.keys())
bad_cases = pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())


def open_file(path: Path) -> Any:
    """A session on the CPU that prints nothing."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"], enable_fallback=0)


def run(session: Any, case: Good, tensor: NDArray[Any]) -> list[Any]:
    """All outputs; numpy has no bfloat16 of its own, so the tensor's bytes are handed over with its type."""
    batch = session.get_inputs()[0].shape[:1]
    if case.network.layout.startswith("N") and isinstance(batch[0], int):
        tensor = tensor.repeat(batch[0], 0)
    if case.network.dtype != "bfloat16":
        return list(session.run(None, {"image": tensor}))
    value = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(
        np.ascontiguousarray(tensor).view(np.uint16), DTYPES["bfloat16"]
    )
    outputs = session.run_with_ort_values([each.name for each in session.get_outputs()], {"image": value})
    return [output.numpy() for output in outputs]


@good_cases
def test_the_arithmetic_is_that_of_onnx_runtime(case: Good, tmp_path: Path) -> None:
    if case.network.quirk == "unread_batch_norm":  # as ONNX says it is, not as ONNX Runtime computes it
        case = replace(case, network=replace(case.network, quirk="batch_norm"))
    session = open_file(write_case(case, tmp_path))
    meant = next(at for at, name in enumerate(case.network.outputs) if name in ("scores", "probabilities"))
    weights = weights_of(case.name, case.network, case.wants)
    for picture in case.pictures:
        values = prepare(picture, case.wants)
        expected = compute(case.network, weights, round_to(case.network.dtype, values))
        scores = run(session, case, tensor_of(case.network, values))[meant]
        rows = np.asarray(scores, np.float64).reshape(-1, values_of(case.network))
        tolerance = 0.02 if "float16" in (case.network.output_dtype, case.network.weights_dtype) else EXACT
        assert rows == pytest.approx(np.tile(expected, (len(rows), 1)), abs=tolerance, rel=tolerance)


@good_cases
def test_pictures_get_different_and_clear_answers(case: Good) -> None:
    assert is_clear(case)


@good_cases
def test_a_wrong_preprocessing_is_seen(case: Good) -> None:
    assert unseen(case) == []


@pytest.mark.parametrize("case", [case for case in GOOD.values() if case.network.head in RAW and not case.activation])
def test_logits_are_no_probabilities_on_noise(case: Good) -> None:
    """So that they can be told apart by looking at the numbers."""
    size = case.wants.size or (24, 36)
    noise = np.random.default_rng(0).integers(0, 256, (*size, case.wants.depth), np.uint8)
    weights = weights_of(case.name, case.network, case.wants)
    scores = compute(case.network, weights, normalize(noise, case.wants))
    assert scores.min() < -0.05 or scores.max() > 1.05


@bad_cases
def test_bad_cases_are_bad(case: Bad, tmp_path: Path) -> None:
    path = write_case(case, tmp_path)
    if case.proof == "load":
        with pytest.raises(Exception, match="."):
            open_file(path)
        return
    session = open_file(path)  # only a rule of ours, or a run, makes it bad
    if case.proof in ("run", "nan"):
        (node,) = session.get_inputs()
        shape = [size if isinstance(size, int) else 1 for size in node.shape]
        tensor = np.zeros(shape, np.uint8 if node.type == "tensor(uint8)" else np.float32)
        if case.proof == "run":
            with pytest.raises(Exception, match="."):
                session.run(None, {node.name: tensor})
        else:
            assert not np.isfinite(session.run(None, {node.name: tensor})[0]).all()
