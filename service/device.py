"""Where models run: ONNX Runtime's sessions, their provider and their threads.

Importing ONNX Runtime takes a third of a second and, since 1.29, may start to report to its maker; so this module is
imported by the lifespan only, and switches the reports off first.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort  # only after the switch above

from service.errors import DeviceError, ModelError

ort.disable_telemetry_events()
logger = logging.getLogger("uvicorn.error")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# A model of one Relu, to see whether a session really comes up on a provider.
PROBE = bytes.fromhex(
    "08083a330a0c0a0178120179220452656c751201705a0f0a0178120a0a0808"
    "0112040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)
# Folds zero padding into a MaxPool, which pads with minus infinity: other answers than the model's (seen in 1.31).
WRONG_OPTIMIZERS = ["Pad_Fusion"]
FATAL_ONLY = 4  # ONNX Runtime's log level; what it would print comes back as an exception too


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen execution provider."""

    provider: str  # ONNX Runtime's name
    threads: int  # intra-op threads of each session

    @property
    def name(self) -> str:
        """Short name, as in SERVICE_DEVICE."""
        return "cuda" if self.provider == CUDA else "cpu"


def choose_device(setting: str, threads: int) -> Device:
    """The device for SERVICE_DEVICE; `auto` is CUDA where it works and says why where it does not.

    Raises:
        DeviceError: `cuda` is asked for and cannot be used.
    """
    threads = threads or share_of_cores()
    if setting == "cpu":
        return Device(CPU, threads)
    reason = _why_no_cuda()
    if reason is None:
        logger.info("SERVICE_DEVICE=%s: inference runs on CUDA.", setting)
        return Device(CUDA, threads)
    if setting == "cuda":
        raise DeviceError(f"SERVICE_DEVICE=cuda, but {reason}.")
    logger.info("SERVICE_DEVICE=auto: inference runs on the CPU with %d thread(s), because %s.", threads, reason)
    return Device(CPU, threads)


def open_session(path: Path, device: Device) -> ort.InferenceSession:
    """A session of the model file on the device.

    Raises:
        ModelError: ONNX Runtime cannot load the file.
        DeviceError: The session would run on another provider than the device's.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Spinning threads would take the cores from the event loop between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[object] = [CPU]
    if device.provider == CUDA:
        providers.insert(0, (CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}))
    try:
        session = ort.InferenceSession(path, options, providers=providers, disabled_optimizers=WRONG_OPTIMIZERS)
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        raise ModelError(f"ONNX Runtime cannot load it: {_first_line(error)}") from error
    if session.get_providers()[0] != device.provider:
        raise DeviceError(f"the session runs on {session.get_providers()[0]} instead of {device.provider}")
    return session


def share_of_cores() -> int:
    """Cores for one worker: this process's affinity mask and cgroup quota, divided among uvicorn's workers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cores()
    if quota is not None:
        cores = min(cores, max(1, int(quota)))
    workers = os.environ.get("WEB_CONCURRENCY", "1")  # the variable from which uvicorn takes its --workers
    return max(1, cores // max(1, int(workers) if workers.isdecimal() else 1))


def _cgroup_cores(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that the container may use, from cgroup v2's cpu.max or v1's cfs quota; None without a limit."""
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no cgroup, or quota "max"
        return None


def _why_no_cuda() -> str | None:
    """What keeps CUDA from working, or None when nothing is known to."""
    if CUDA not in ort.get_available_providers():
        return f"this build of ONNX Runtime ({ort.__version__}) has no {CUDA}; install onnxruntime-gpu"
    if not (Path("/proc/driver/nvidia/version").exists() or os.name == "nt" or Path("/dev/dxg").exists()):
        return "no NVIDIA driver is loaded on this machine"
    ort.preload_dlls()
    options = ort.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    try:
        probe = ort.InferenceSession(PROBE, options, providers=[CUDA, CPU])
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        return f"a CUDA session fails: {_first_line(error)}"
    return (
        None
        if probe.get_providers()[0] == CUDA
        else f"ONNX Runtime cannot load its {CUDA} (libraries of CUDA missing?)"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
