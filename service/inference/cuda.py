"""How CUDA is used: which GPU, its options, its memory and its errors.

With SERVICE_DEVICE=cpu, no GPU is touched but by `python -m service.doctor`.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from service.errors import DeviceError
from service.inference.onnx_runtime import ort

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
VISIBLE = os.environ.get("CUDA_VISIBLE_DEVICES")  # at the start; None where nothing limits the GPUs
# Texts of ONNX Runtime's arena, of the CUDA runtime, of cuBLAS and cuDNN, and of a C++ allocation.
OUT_OF_MEMORY = ("out of memory", "failed to allocate memory", "available memory of", "alloc_failed", "bad allocation")


def cuda_major() -> int:
    """Major version of CUDA for which this ONNX Runtime is built; 0 where it is built without."""
    return int((ort.cuda_version or "0").split(".")[0])


def provider_options(
    provider: str, memory_limit: int, graphs: bool, profile: tuple[str, str, str] | None = None
) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's providers for the device, in order, with their options.

    `memory_limit` is in bytes, 0 for none. `profile` are the input's smallest, usual and largest shape as TensorRT
    wants them, "name:1x28x28x1"; without, it builds its engine anew for each larger batch.
    """
    options = {
        "device_id": "0",  # of those that are visible, see `choose_gpu`
        "cudnn_conv_algo_search": "HEURISTIC",  # an exhaustive search takes minutes, for each batch size
        "arena_extend_strategy": "kSameAsRequested",  # the other one doubles the arena each time
        "enable_cuda_graph": "1" if graphs else "0",
    }
    if memory_limit:
        options["gpu_mem_limit"] = str(memory_limit)
    if provider == TENSORRT:
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "upload-and-classify" / "tensorrt"
        cache.mkdir(parents=True, exist_ok=True)
        engines = {
            "device_id": "0",
            "trt_engine_cache_enable": "True",  # building an engine takes minutes
            "trt_engine_cache_path": str(cache),
            "trt_timing_cache_enable": "True",
            "trt_timing_cache_path": str(cache),
        }
        for limit, shape in zip(("min", "opt", "max"), profile or (), strict=False):
            engines[f"trt_profile_{limit}_shapes"] = shape
        return [(TENSORRT, engines), (CUDA, options)]
    return [(CUDA, options)]


def prepare(gpus: Sequence[int]) -> None:
    """What must be in the environment before CUDA's libraries are loaded.

    Raises:
        DeviceError: SERVICE_GPUS names a GPU that is not there.
    """
    choose_gpu(gpus)
    # Float32 stays float32, for answers as on the CPU; a model that wants speed is stored in float16. ONNX Runtime's
    # own option, use_tf32, takes the tensor cores away from float16 as well.
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")


def choose_gpu(gpus: Sequence[int], visible: str | None = VISIBLE) -> None:
    """Let this process see one of the GPUs only, by its worker number; before CUDA is first used.

    `gpus` are indices into `visible`, CUDA_VISIBLE_DEVICES as container runtimes set it, else CUDA's own.

    Raises:
        DeviceError: There are not so many in CUDA_VISIBLE_DEVICES.
    """
    chosen = gpus[claim_number() % len(gpus)]
    if visible is None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(chosen)
    elif visible:
        names = visible.split(",")
        if chosen >= len(names):
            raise DeviceError(f"SERVICE_GPUS has a {chosen}, but CUDA_VISIBLE_DEVICES is {visible!r}")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[chosen]


@cache
def claim_number() -> int:
    """The lowest number that no other worker of the same server holds; it is free again when the process ends.

    uvicorn does not number its workers. A name in Linux's abstract socket namespace is held by one process at a time,
    and leaves nothing behind.
    """
    if sys.platform != "linux":
        return 0
    number = 0
    while True:
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0upload-and-classify/{os.getppid()}/{number}")
        except OSError:
            held.close()
            number += 1
        else:
            held.detach()  # nothing closes it before the process ends
            return number


def pin(array: NDArray[Any]) -> bool:
    """Page-lock an array's memory for as long as it lives, so that the GPU reads it; returns whether that worked."""
    try:
        runtime = ctypes.CDLL(f"libcudart.so.{cuda_major()}")
        address = ctypes.c_void_p(array.ctypes.data)
        if runtime.cudaHostRegister(address, ctypes.c_size_t(array.nbytes), 0):
            runtime.cudaGetLastError()  # clears it; ONNX Runtime would take it for an error of its own
            return False
    except (OSError, AttributeError):
        return False
    weakref.finalize(array, runtime.cudaHostUnregister, address).atexit = False
    return True


def is_out_of_memory(error: Exception) -> bool:
    """Whether the error is one of memory, so that a smaller batch may go through."""
    text = str(error).lower()
    return any(words in text for words in OUT_OF_MEMORY)
