from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from service import device
from service.device import CPU, choose_device, open_session, share_of_cores
from service.errors import DeviceError, ModelError
from tests.service.models import save, shade_model

NO_DRIVER = not Path("/proc/driver/nvidia/version").exists()


@pytest.mark.parametrize(("module", "reports"), [("service.device", False), ("onnxruntime", True)])
def test_onnx_runtime_does_not_report_to_its_maker(module: str, reports: bool, tmp_path: Path) -> None:
    """A session of plain ONNX Runtime keeps a store of events in the user's cache; one of the service keeps none."""
    model = shade_model(tmp_path / "model.onnx")
    code = (
        f"import {module}, onnxruntime, time\n"
        f"onnxruntime.InferenceSession({str(model)!r}, providers=['CPUExecutionProvider'])\n"
        "time.sleep(0.5)"
    )
    # ONNX Runtime is silent in CI, too; the test must not depend on that.
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    home = tmp_path / "home"
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    stored = [path for path in home.rglob("*") if path.is_file()]
    if reports and not stored:
        pytest.skip("this build of ONNX Runtime does not report, so there is nothing to switch off")
    assert bool(stored) == reports


@pytest.mark.skipif(not NO_DRIVER, reason="this machine has an NVIDIA driver")
def test_cuda_is_refused_where_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DeviceError, match="SERVICE_DEVICE=cuda, but "):
        choose_device("cuda", 1)
    with caplog.at_level("INFO", "uvicorn.error"):
        assert choose_device("auto", 3) == device.Device(CPU, 3)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("SERVICE_DEVICE=auto: inference runs on the CPU with 3 thread(s), because ")


def test_the_probe_is_a_model() -> None:
    session = onnxruntime.InferenceSession(device.PROBE, providers=[CPU])
    assert session.get_providers() == [CPU]


def test_the_session_has_the_threads_that_were_asked_for(tmp_path: Path) -> None:
    session = open_session(shade_model(tmp_path / "model.onnx"), choose_device("cpu", 3))
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)


def test_zero_padding_before_a_max_pool_stays_zero(tmp_path: Path) -> None:
    """ONNX Runtime's Pad_Fusion would answer -1 for an image of -1 everywhere, where the model says 0."""
    nodes = [
        helper.make_node("Constant", [], ["pads"], value=numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]))),
        helper.make_node("Pad", ["image", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["pooled"], kernel_shape=[3, 3], strides=[4, 4]),
        helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    path = save(tmp_path / "model.onnx", nodes, ["N", 1, 4, 4], TensorProto.FLOAT, 1)
    session = open_session(path, choose_device("cpu", 1))
    assert session.run(None, {"image": np.full((1, 1, 4, 4), -1, np.float32)})[0].tolist() == [[0.0]]


def test_a_broken_file_is_named_by_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="ONNX Runtime cannot load it: "):
        open_session(tmp_path / "model.onnx", choose_device("cpu", 1))


def test_cores_come_from_the_affinity_mask_and_are_shared_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cgroup_cores", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    assert share_of_cores() == 8
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert share_of_cores() == 2
    monkeypatch.setenv("WEB_CONCURRENCY", "100")
    assert share_of_cores() == 1
    monkeypatch.setattr(device, "_cgroup_cores", lambda: 1.5)
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    assert share_of_cores() == 1


def test_the_cgroup_quota_of_both_versions(tmp_path: Path) -> None:
    assert device._cgroup_cores(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("250000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert device._cgroup_cores(tmp_path) == 2.5
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert device._cgroup_cores(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert device._cgroup_cores(tmp_path) is None
