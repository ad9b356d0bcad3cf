"""Why CUDA works here or does not: driver, GPUs, libraries, and a convolution that is really run.

With SERVICE_DEVICE=cpu, no GPU is touched but by `python -m service.doctor`.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from service.inference.cuda import CUDA, TENSORRT, cuda_major
from service.inference.onnx_runtime import first_line, ort

INSTALL = "pip install 'onnxruntime-gpu[cuda,cudnn]' brings it"
DRIVERS = {11: "450", 12: "525", 13: "580"}  # the oldest Linux driver for each major version of CUDA
# cuInit's results that people meet; CUDA driver API, CUresult.
INIT_ERRORS = {
    100: "it finds no GPU",
    101: "the GPU cannot be used",
    802: "the system is not ready yet (NVSwitch's fabric manager not running?)",
    803: "its version differs from that of the kernel module; reboot after an update of the driver",
    804: "its compatibility package does not support this GPU",
    999: "unknown error; reload the kernel module",
}


class Gpu(NamedTuple):
    """A GPU as the driver describes it."""

    name: str
    memory: int  # bytes
    capability: tuple[int, int]  # compute capability


class Library(NamedTuple):
    """A shared library that CUDA sessions need."""

    name: str
    path: str | None  # None where it cannot be loaded
    problem: str  # what the loader says, or ""


def find_obstacle(provider: str = CUDA) -> str | None:
    """What keeps `provider` from working, as a clause without a full stop; None when a session really runs on it."""
    if provider not in ort.get_available_providers():
        return f"this build of ONNX Runtime ({ort.__version__}) has no {provider}; install onnxruntime-gpu"
    if sys.platform == "linux":
        obstacle = _find_driver_obstacle() or _find_library_obstacle(provider)
        if obstacle:
            return obstacle
    else:
        ort.preload_dlls()
    return _find_session_obstacle(provider)


def _find_driver_obstacle() -> str | None:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed (libcuda.so.1 is not found)"
    result = driver.cuInit(0)
    if result:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hint = f"; CUDA_VISIBLE_DEVICES is {visible!r}" if result == 100 and visible is not None else ""
        return f"the NVIDIA driver does not start: {INIT_ERRORS.get(result, f'CUDA error {result}')}{hint}"
    major, minor = driver_version(driver)
    needed = cuda_major()
    if major < needed:
        return (
            f"the NVIDIA driver supports CUDA {major}.{minor} and this ONNX Runtime needs {needed};"
            f" update the driver to {DRIVERS.get(needed, 'a newer one')} or newer"
        )
    return None


def _find_library_obstacle(provider: str) -> str | None:
    for library in load_libraries(provider):
        if "cannot open shared object file" in library.problem:
            missing = library.problem.split(":")[0]  # the library itself, or one that it needs
            return f"{missing} is not found; {'install TensorRT 10' if 'nvinfer' in missing else INSTALL}"
        if library.problem:
            return f"{library.name} cannot be loaded: {library.problem}"
    return None


def _find_session_obstacle(provider: str) -> str | None:
    """Run a model of one convolution, which needs cuDNN too, and compare its answer."""
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what it would print comes back as an exception too
    try:
        session = ort.InferenceSession(_probe_model(), options, providers=[provider], enable_fallback=0)
        if session.get_providers()[0] != provider:
            return f"ONNX Runtime cannot load its {provider}"
        (sums,) = session.run(None, {"x": np.ones((1, 1, 4, 4), np.float32)})
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        return f"a session fails on {provider}: {first_line(error)}"
    return (
        None if np.array_equal(sums, np.full((1, 1, 2, 2), 9)) else f"{provider} gives wrong results: {sums.tolist()}"
    )


def _probe_model() -> bytes:
    """A 3x3 convolution with ones."""
    from onnx import TensorProto, helper, numpy_helper  # takes a sixth of a second, and only a GPU needs it

    ones = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "ones")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4, 4])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])]
    graph = helper.make_graph([helper.make_node("Conv", ["x", "ones"], ["y"])], "probe", inputs, outputs, [ones])
    opsets = [helper.make_opsetid("", 17)]
    probe: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return probe


def describe_driver() -> str:
    """The driver in one line."""
    module = Path("/proc/driver/nvidia/version")
    if module.exists():
        return module.read_text().splitlines()[0]
    try:
        major, minor = driver_version(ctypes.CDLL("libcuda.so.1"))
    except OSError:
        return "no NVIDIA driver is installed"
    return f"libcuda.so.1 for CUDA up to {major}.{minor}, no kernel module in {module}"


def driver_version(driver: ctypes.CDLL) -> tuple[int, int]:
    """Version of CUDA up to which the driver goes."""
    version = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    return version.value // 1000, version.value % 1000 // 10


def read_gpus() -> Iterator[Gpu]:
    """The GPUs that this process sees; none where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return
    count, device, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return
    for index in range(count.value):
        name = ctypes.create_string_buffer(256)
        driver.cuDeviceGet(ctypes.byref(device), index)
        driver.cuDeviceGetName(name, len(name), device)
        driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        capability = []
        for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
            value = ctypes.c_int()
            driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
            capability.append(value.value)
        yield Gpu(name.value.decode(), memory.value, (capability[0], capability[1]))


def load_libraries(provider: str = CUDA) -> list[Library]:
    """Load what the provider needs, from pip's packages where they are installed, else from the system; Linux only."""
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find; so do we, for each library
        ort.preload_dlls()
    major = cuda_major()
    names = [
        f"libcudart.so.{major}",
        f"libcublasLt.so.{major}",
        f"libcublas.so.{major}",
        "libcurand.so.10",
        "libcudnn.so.9",  # ONNX Runtime starts without it, and fails at the first convolution
        f"libnvrtc.so.{major}",  # with which cuDNN compiles some of its kernels
    ]
    if provider == TENSORRT:
        names += ["libnvinfer.so.10", "libnvonnxparser.so.10"]
    libraries = [_load(name) for name in names]
    if all(library.path for library in libraries):
        # The provider itself, for what is of a wrong version; it takes symbols from the other one.
        folder = Path(ort.__file__).parent / "capi"
        kind = "tensorrt" if provider == TENSORRT else "cuda"
        libraries.append(_load(str(folder / "libonnxruntime_providers_shared.so"), ctypes.RTLD_GLOBAL))
        libraries.append(_load(str(folder / f"libonnxruntime_providers_{kind}.so")))
    return libraries


def _load(name: str, mode: int = ctypes.DEFAULT_MODE) -> Library:
    try:
        ctypes.CDLL(name, mode)
    except OSError as error:
        return Library(Path(name).name, None, str(error))
    mapped = Path("/proc/self/maps").read_text().splitlines()
    paths = (line.split(maxsplit=5)[5] for line in mapped if "/" in line)
    wanted = Path(name).name
    return Library(wanted, next((path for path in paths if Path(path).name.startswith(wanted)), name), "")
