from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.errors import DeviceError, ModelError
from service.inference import device
from service.inference.device import Device, choose_device, share_of_cores
from service.inference.session import inspect, open_session, read_placement
from service.settings import Settings
from tests.service.models import save, shade_model

NO_DRIVER = not Path("/proc/driver/nvidia/version").exists()
ON_CPU = Device("cpu", threads=1)


@pytest.mark.parametrize(("module", "reports"), [("service.inference.device", False), ("onnxruntime", True)])
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
@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_gpu_is_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(DeviceError, match=f"SERVICE_DEVICE={name}, but ") as caught:
        choose_device(Settings(device=name, threads=1))
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert "no NVIDIA driver is installed (libcuda.so.1 is not found)" in str(caught.value)
    else:
        assert "install onnxruntime-gpu" in str(caught.value)


@pytest.mark.skipif(not NO_DRIVER, reason="this machine has an NVIDIA driver")
def test_auto_says_in_one_line_why_it_chose_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "service"):
        assert choose_device(Settings(threads=3)) == Device("cpu", 3)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("SERVICE_DEVICE=auto: inference runs on the CPU with 3 thread(s), because ")


def test_cpu_touches_no_gpu() -> None:
    """Neither the driver nor a library of CUDA is loaded, and nothing is said about GPUs."""
    code = (
        "from service.settings import Settings; from service.inference.loading import load_models;"
        "load_models(Settings(device='cpu')); print(open('/proc/self/maps').read())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "libonnxruntime_providers_cuda" not in done.stdout
    assert "libcuda" not in done.stdout
    assert done.stderr == ""


def test_the_session_has_the_threads_that_were_asked_for(tmp_path: Path) -> None:
    session = open_session(shade_model(tmp_path / "model.onnx"), Device("cpu", threads=3))
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)


def test_the_placement_is_read_from_the_session(tmp_path: Path) -> None:
    """A session on the CPU, looked at as if it were CUDA's: what is no arithmetic of shapes has fallen there."""
    path = shade_model(tmp_path / "model.onnx")
    session = open_session(path, ON_CPU)
    counts, strays = read_placement(session, ON_CPU)
    assert list(counts) == ["CPUExecutionProvider"]
    assert strays == []
    on_cuda = read_placement(session, Device("cuda", threads=1))
    assert [stray.split()[0] for stray in on_cuda.strays] == ["ReduceMean"]
    assert on_cuda.counts == counts


def test_a_session_that_came_up_on_another_provider_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a GPU, a session of the CUDA provider comes up on the CPU: ONNX Runtime's silent fallback."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers() or not NO_DRIVER:
        pytest.skip("needs onnxruntime-gpu and no GPU")
    with pytest.raises((DeviceError, ModelError), match=r"CPUExecutionProvider instead of CUDA|cannot load it"):
        open_session(shade_model(tmp_path / "model.onnx"), Device("cuda", threads=1))
    assert capfd.readouterr().out == ""


def test_zero_padding_before_a_max_pool_stays_zero(tmp_path: Path) -> None:
    """ONNX Runtime's Pad_Fusion would answer -1 for an image of -1 everywhere, where the model says 0."""
    nodes = [
        helper.make_node("Constant", [], ["pads"], value=numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]))),
        helper.make_node("Pad", ["image", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["pooled"], kernel_shape=[3, 3], strides=[4, 4]),
        helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    path = save(tmp_path / "model.onnx", nodes, ["N", 1, 4, 4], TensorProto.FLOAT, 1)
    session = open_session(path, ON_CPU)
    assert session.run(None, {"image": np.full((1, 1, 4, 4), -1, np.float32)})[0].tolist() == [[0.0]]


def test_a_broken_file_is_named_by_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="ONNX Runtime cannot load it: "):
        inspect(tmp_path / "model.onnx")


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
