"""Where models run: the device for SERVICE_DEVICE, and this process's share of the cores."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from service.errors import DeviceError
from service.inference import cuda, cuda_probe
from service.settings import Settings

logger = logging.getLogger("service")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": cuda.CUDA, "tensorrt": cuda.TENSORRT}


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen device, and how batches are run there."""

    name: str  # as in SERVICE_DEVICE: cpu, cuda or tensorrt
    threads: int  # intra-op threads of each session
    strict: bool = False  # whether a node that falls to the CPU is an error
    graphs: bool = False  # whether runs are captured as CUDA graphs
    memory_limit: int = 0  # bytes of GPU memory for each model; 0 for no limit
    memory: str = "cpu"  # ONNX Runtime's name of the place of the buffers
    slots: int = 1  # batches under way at once: on a GPU one runs while the next is gathered and copied
    padded: bool = False  # whether batches are filled up to a power of two, since each size costs memory and warm-up
    # The event loop may be held for this long: as long as CPython's own switch interval.
    inline_s: float = 0.005

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of its execution provider."""
        return PROVIDERS[self.name]

    def batch_sizes(self, largest: int) -> list[int]:
        """The batch sizes to run, ascending.

        With CUDA and without its graphs there is one only: ONNX Runtime plans each convolution anew whenever the size
        changes, which takes longer than the run.
        """
        if self.name == "cuda" and not self.graphs:
            return [largest]
        return powers_of_two(largest) if self.padded else list(range(1, largest + 1))


def powers_of_two(largest: int) -> list[int]:
    """1, 2, 4, … and `largest`, whether it is one of them or not."""
    return [*(1 << power for power in range((largest - 1).bit_length())), largest]


def choose_device(settings: Settings) -> Device:
    """The device for SERVICE_DEVICE; `auto` is CUDA where it works and says why where it does not.

    Raises:
        DeviceError: `cuda` or `tensorrt` is asked for and cannot be used; the message has the cause.
    """
    threads = settings.threads or share_of_cores()
    if settings.device == "cpu":
        return Device("cpu", threads)
    cuda.prepare(settings.gpus)
    name = "tensorrt" if settings.device == "tensorrt" else "cuda"
    obstacle = cuda_probe.find_obstacle(PROVIDERS[name])
    if obstacle is None:
        gpu = next(cuda_probe.read_gpus(), None)
        logger.info("SERVICE_DEVICE=%s: inference runs on %s, %s.", settings.device, name, gpu.name if gpu else "GPU 0")
        return Device(
            name,
            threads,
            strict=settings.device != "auto",
            graphs=settings.cuda_graphs and name == "cuda",
            memory_limit=settings.gpu_memory_bytes,
            memory="cuda",
            slots=2,
            padded=True,
            inline_s=0.0,
        )
    if settings.device != "auto":
        raise DeviceError(f"SERVICE_DEVICE={settings.device}, but {obstacle}. `python -m service.doctor` shows more.")
    logger.info("SERVICE_DEVICE=auto: inference runs on the CPU with %d thread(s), because %s.", threads, obstacle)
    return Device("cpu", threads)


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
