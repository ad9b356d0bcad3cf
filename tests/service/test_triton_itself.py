"""A real Triton serves models by the configurations that are printed, and answers as ONNX Runtime does.

TRITON_SERVER names the program, TRITON_BACKENDS a folder with its backend onnxruntime.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from service.describe import main
from tests.service.triton_models import MAKERS

TIMEOUT_S = 60
DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


@contextmanager
def triton(repository: Path, log: Path) -> Iterator[str]:
    """Address of a Triton that takes configurations as they are written, and ends if one is wrong."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server, backends = os.environ["TRITON_SERVER"], os.environ["TRITON_BACKENDS"]
    command = [server, "--model-repository", str(repository), "--backend-directory", backends]
    command += ["--disable-auto-complete-config", "--http-address", "127.0.0.1", "--http-port", str(port)]
    command += ["--allow-grpc", "false", "--allow-metrics", "false"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while not is_ready(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.skipif(
    not {"TRITON_SERVER", "TRITON_BACKENDS"} <= set(os.environ),
    reason="TRITON_SERVER and TRITON_BACKENDS name no tritonserver and no folder with its backend onnxruntime",
)
def test_triton_answers_as_onnx_runtime(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    from tritonclient.utils import np_to_triton_dtype

    folder = tmp_path / "models"
    files = {kind: make(folder / kind / "1/model.onnx") for kind, make in MAKERS.items()}
    files["mnist"] = folder / "mnist/1/model.onnx"
    files["mnist"].parent.mkdir(parents=True)
    files["mnist"].write_bytes(Path("models/mnist/1/model.onnx").read_bytes())
    for kind in files:
        assert main([str(folder / kind), "--triton"]) == 0
        (folder / kind / "config.pbtxt").write_text(capsys.readouterr().out)
    digits = [Image.open(path) for path in sorted(Path("imgs").glob("[0-9]*.png"))]
    with triton(folder, tmp_path / "log") as address, client.InferenceServerClient(address, concurrency=16) as asked:
        for kind, file in files.items():
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
            declared = session.get_inputs()[0]
            sides = [side if isinstance(side, int) else 5 for side in declared.shape]
            tensor = np.random.default_rng(0).integers(0, 256, sides).astype(DTYPES[declared.type])
            if kind == "mnist":
                tensor = np.stack([np.asarray(digit)[:, :, None] for digit in digits])
            expected = session.run(None, {declared.name: tensor})
            # The whole; and many small requests at once, which Triton puts together where it may.
            for parts in ([tensor], np.split(tensor, len(tensor)) if batches(folder / kind) else [tensor]):
                given = [client.InferInput(declared.name, each.shape, np_to_triton_dtype(each.dtype)) for each in parts]
                for each, values in zip(given, parts, strict=True):
                    each.set_data_from_numpy(values)
                answers = [waiting.get_result() for waiting in [asked.async_infer(kind, [each]) for each in given]]
                compare(session, answers, expected)


def batches(folder: Path) -> bool:
    return "dynamic_batching" in (folder / "config.pbtxt").read_text()


def compare(session: onnxruntime.InferenceSession, answers: list[Any], expected: list[np.ndarray]) -> None:
    """Of requests in their order, together all rows, to what ONNX Runtime gives for these."""
    for output, right in zip(session.get_outputs(), expected, strict=True):
        got = np.concatenate([answer.as_numpy(output.name) for answer in answers]).reshape(right.shape)
        if output.type == "tensor(string)":
            assert [text.decode() for text in got] == list(right)
        else:
            np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-6)
