"""What is known of CUDA, as far as a machine without a GPU can tell; bench/gpu.sh has the rest."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from service.errors import DeviceError
from service.inference import cuda, cuda_probe
from service.inference.onnx_runtime import first_line, ort

WITH_CUDA = cuda.CUDA in ort.get_available_providers() and sys.platform == "linux"
NEEDS_CUDA_BUILD = pytest.mark.skipif(not WITH_CUDA, reason="this ONNX Runtime is built without CUDA")


class Driver:
    """An NVIDIA driver as the checks see it; no machine of the tests has one."""

    def __init__(self, result: int, version: int) -> None:
        self.result, self.version = result, version

    def cuInit(self, flags: int) -> int:  # noqa: N802  # the driver's own name
        return self.result

    def cuDriverGetVersion(self, version: object) -> int:  # noqa: N802  # the driver's own name
        version._obj.value = self.version  # type: ignore[attr-defined]  # what byref was given
        return 0


@pytest.mark.parametrize(
    ("result", "version", "message"),
    [
        (100, 13000, "the NVIDIA driver does not start: it finds no GPU; CUDA_VISIBLE_DEVICES is '7'"),
        (803, 13000, "the NVIDIA driver does not start: its version differs from that of the kernel module; reboot"),
        (1, 13000, "the NVIDIA driver does not start: CUDA error 1"),
        (0, 12080, "the NVIDIA driver supports CUDA 12.8 and this ONNX Runtime needs 13; update the driver to 580"),
    ],
)
def test_a_driver_that_does_not_do_is_told_apart(
    result: int, version: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(result, version))
    monkeypatch.setattr(cuda_probe, "cuda_major", lambda: 13)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert (cuda_probe._find_driver_obstacle() or "").startswith(message)


def test_a_driver_that_does_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(0, 13000))
    monkeypatch.setattr(cuda_probe, "cuda_major", lambda: 13)
    assert cuda_probe._find_driver_obstacle() is None


def test_a_build_without_the_provider_is_named() -> None:
    obstacle = cuda_probe.find_obstacle("ROCMExecutionProvider")
    assert obstacle == (
        f"this build of ONNX Runtime ({ort.__version__}) has no ROCMExecutionProvider; install onnxruntime-gpu"
    )


@NEEDS_CUDA_BUILD
def test_libraries_are_listed_with_where_they_are() -> None:
    """Those of the CUDA toolkit may be here or not; each has either a path or what the loader said."""
    libraries = cuda_probe.load_libraries()
    assert {f"libcublas.so.{cuda.cuda_major()}", "libcudnn.so.9"} <= {library.name for library in libraries}
    for library in libraries:
        assert (library.path is None) == bool(library.problem)
        assert library.path is None or Path(library.path).exists()


@NEEDS_CUDA_BUILD
def test_a_library_that_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = cuda_probe._load("libcublas_of_nobody.so.13")
    broken = cuda_probe.Library("libcudnn.so.9", None, "version `libcudnn.so.9' not found (required by libx.so)")
    for library, message in [
        (missing, "libcublas_of_nobody.so.13 is not found; pip install 'onnxruntime-gpu[cuda,cudnn]' brings it"),
        (broken, "libcudnn.so.9 cannot be loaded: version `libcudnn.so.9' not found (required by libx.so)"),
    ]:
        monkeypatch.setattr(cuda_probe, "load_libraries", lambda provider, found=library: [found])
        assert cuda_probe._find_library_obstacle(cuda.CUDA) == message


@NEEDS_CUDA_BUILD
@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has an NVIDIA driver")
def test_the_probe_sees_that_a_session_is_not_on_cuda() -> None:
    obstacle = cuda_probe._find_session_obstacle(cuda.CUDA)
    assert obstacle is not None
    assert "CUDAExecutionProvider" in obstacle


def test_the_probe_runs_on_the_cpu() -> None:
    assert cuda_probe._find_session_obstacle("CPUExecutionProvider") is None


def test_memory_is_not_pinned_without_a_driver() -> None:
    if not Path("/proc/driver/nvidia/version").exists():
        assert cuda.pin(np.zeros(10, np.uint8)) is False


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);", True),
        ("Failed to allocate memory for requested buffer of size 1073741824", True),
        ("Available memory of 0 is smaller than requested bytes of 256", True),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", True),
        ("CUDA failure 700: an illegal memory access was encountered ; GPU=0", False),
        ("Non-zero status code returned while running Gather node.", False),
    ],
)
def test_errors_of_memory_are_told_from_others(message: str, expected: bool) -> None:
    assert cuda.is_out_of_memory(RuntimeError(message)) is expected


def test_an_error_of_cuda_is_cut_out_of_the_source_code_around_it() -> None:
    """The text is one of ONNX Runtime 1.31's, seen with a driver that could do nothing."""
    text = (
        "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 void onnxruntime::CudaCall(ERRTYPE) [with"
        " bool THRW = true] CUDA failure 36: API call is not supported in the installed CUDA driver ; GPU=-1 ;"
        " hostname=vm ; file=/onnxruntime_src/cuda_execution_provider.cc ; line=355 ; expr=cudaSetDevice(0);"
    )
    assert first_line(RuntimeError(text)) == "CUDA failure 36: API call is not supported in the installed CUDA driver"
    assert first_line(RuntimeError("\n[ONNXRuntimeError] : 1 : FAIL\nmore")) == "[ONNXRuntimeError] : 1 : FAIL"
    assert first_line(RuntimeError()) == "RuntimeError"


def test_options_limit_memory_and_search_quickly() -> None:
    ((name, options),) = cuda.provider_options(cuda.CUDA, 1 << 30, graphs=True)
    assert name == cuda.CUDA
    assert options["gpu_mem_limit"] == "1073741824"
    assert (options["cudnn_conv_algo_search"], options["enable_cuda_graph"]) == ("HEURISTIC", "1")
    assert "gpu_mem_limit" not in cuda.provider_options(cuda.CUDA, 0, graphs=False)[0][1]
    shapes = ("image:1x28x28x1", "image:64x28x28x1", "image:64x28x28x1")
    (first, engines), (second, _) = cuda.provider_options(cuda.TENSORRT, 0, graphs=False, profile=shapes)
    assert (first, second) == (cuda.TENSORRT, cuda.CUDA)
    assert (engines["trt_profile_min_shapes"], engines["trt_profile_max_shapes"]) == (shapes[0], shapes[2])


def _worker(pipe: Connection) -> None:
    pipe.send(cuda.claim_number())
    pipe.recv()


@pytest.mark.skipif(sys.platform != "linux", reason="numbers are claimed on Linux only")
def test_workers_have_different_numbers_and_a_new_one_takes_the_free_one() -> None:
    context = multiprocessing.get_context("spawn")  # as uvicorn starts its workers

    def start() -> tuple[int, multiprocessing.process.BaseProcess, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=_worker, args=(theirs,), daemon=True)
        process.start()
        return ours.recv(), process, ours

    workers = [start() for _ in range(3)]
    first = workers[0][0]  # not 0 where other servers of these tests are running
    assert first < workers[1][0] < workers[2][0]
    freed = workers[1][0]
    workers[1][1].kill()
    workers[1][1].join()
    workers[1] = start()
    assert workers[1][0] == freed
    for _, process, pipe in workers:
        pipe.send(None)
        process.join()
        pipe.close()


@pytest.mark.parametrize(
    ("visible", "gpus", "expected"), [("", [1], ""), (None, [1], "1"), ("4,5", [1], "5"), ("GPU-a,GPU-b", [0], "GPU-a")]
)
def test_a_worker_sees_one_gpu(
    visible: str | None, gpus: list[int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "claim_number", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    for _ in range(2):  # a second start in the same process chooses the same
        cuda.choose_gpu(gpus, visible)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_workers_go_round_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for number in range(4):
        monkeypatch.setattr(cuda, "claim_number", lambda number=number: number)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
        cuda.choose_gpu([0, 2], "0,1,2")
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == ["0", "2", "0", "2"]
    with pytest.raises(DeviceError, match="SERVICE_GPUS has a 5, but CUDA_VISIBLE_DEVICES is '0,1,2'"):
        cuda.choose_gpu([5], "0,1,2")


def test_the_doctor_reports_and_exits_by_what_the_service_would_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.doctor"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    titles = {line[:14].strip() for line in done.stdout.splitlines()}
    assert {"machine", "cores", "ONNX Runtime", "CUDA", "inference", "model mnist"} <= titles
    assert "images/s" in done.stdout
    assert done.stderr == "" or "inference runs on" in done.stderr
