"""The measurements for a GPU, on the CPU: that they run and report. On a GPU, bench/gpu.sh proves the rest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from bench.gpu import make_photos
from bench.gpu_report import Results, write_report
from bench.resnet50 import write_resnet50
from bench.server import ROOT
from tests.bench.conftest import Run


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_large_model_has_resnet50s_size_and_tells_images_apart(dtype: type, tmp_path: Path) -> None:
    model = onnx.load(write_resnet50(tmp_path / "model.onnx", dtype))
    parameters = sum(np.prod(weight.dims) for weight in model.graph.initializer)
    assert parameters == pytest.approx(25.5e6, rel=0.01)  # 25.6 million with batch normalization
    assert sum(node.op_type == "Conv" for node in model.graph.node) == 53
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"pixels": make_photos()[:4]})
    assert scores.shape == (4, 1000)
    assert np.isfinite(scores).all()
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_a_whole_run_on_the_cpu(bench: Run, tmp_path: Path) -> None:
    short = ["--seconds", "0.1", "--requests", "400", "--workers", "1", "--max-batch", "1"]
    done = bench("gpu", "--device", "cpu", *short, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert {name: values["agree"] for name, values in results["parity"].items()} == {
        "mnist": 1.0,
        "resnet50 float32": 1.0,
        "resnet50 float16": 1.0,
    }
    assert all(load["requests_per_s"] > 0 for load in results["servers"])
    assert len(results["servers"]) == 6
    assert done.stdout.startswith("# CPU against the CPU\n")
    assert done.stdout.strip() == (tmp_path / "gpu.md").read_text().strip()


def test_devices_that_disagree_are_in_the_report() -> None:
    rates = {"images_per_s": {"64": {"runner": 80.0, "bound": 100.0, "plain": 50.0}}, "graphs": True}
    load = {"model": "resnet50", "device": "cuda", "workers": 1, "connections": 1, "requests_per_s": 60.0}
    parity = {"mnist": {"images": 10_000, "agree": 0.9999, "difference": 0.5}}
    results = Results({}, {"resnet50 float16 on cuda": rates}, parity, [{**load, "p50_ms": 1.0, "p99_ms": 2.0}])
    report = write_report(results, "cuda")
    assert "| 99.99% of 10,000, 5.0e-01 |" in report
    assert "| resnet50 float16: runner at least 0.75 of ONNX Runtime's best | 0.80 |" in report
    assert "| resnet50 float16: server at least 0.6 of the runner | 0.75 |" in report
    assert "| resnet50 float16 on cuda, CUDA graphs: 64 | 80.0 | 100.0 | 50.0 |" in report


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has an NVIDIA driver")
def test_without_a_gpu_the_cause_is_said(bench: Run, tmp_path: Path) -> None:
    done = bench("gpu", "--output", tmp_path, SERVICE_MAX_BATCH="1")
    assert done.returncode == 1
    assert "SERVICE_DEVICE=cuda, but " in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_the_script_is_sound() -> None:
    subprocess.run(["bash", "-n", ROOT / "bench" / "gpu.sh"], check=True)
