"""Where models run: the device for SERVICE_DEVICE, its sessions, and its share of the cores."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from service.errors import DeviceError, ModelError
from service.inference import cuda
from service.inference.onnx_runtime import first_line, ort
from service.settings import Settings

logger = logging.getLogger("uvicorn.error")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": cuda.CUDA, "tensorrt": cuda.TENSORRT}
# Folds zero padding into a MaxPool, which pads with minus infinity: other answers than the model's (seen in 1.31).
WRONG_OPTIMIZERS = ["Pad_Fusion"]
FATAL_ONLY = 4  # ONNX Runtime's log level; what it would print comes back as an exception too
# CUDA has kernels for these, so where one is on the CPU, ONNX Runtime keeps the arithmetic of shapes there on purpose.
SHAPE_OPERATIONS = frozenset(
    "Shape Size Gather Concat Unsqueeze Squeeze Slice Cast Range ConstantOfShape ReduceProd Add Sub Mul Div Mod Floor"  # noqa: SIM905
    " Ceil Max Min Equal Less Greater Where Not And Or Expand Identity Split Reshape ScatterND Constant".split()
)


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


class Placement(NamedTuple):
    """Where ONNX Runtime has put the nodes of a session."""

    counts: dict[str, int]  # nodes of each provider
    strays: list[str]  # nodes that fell to the CPU for want of a kernel, as "operation name"


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
    cuda.prepare(settings.gpu_list)
    name = "tensorrt" if settings.device == "tensorrt" else "cuda"
    obstacle = cuda.find_obstacle(PROVIDERS[name])
    if obstacle is None:
        gpu = next(cuda.read_gpus(), None)
        logger.info("SERVICE_DEVICE=%s: inference runs on %s, %s.", settings.device, name, gpu.name if gpu else "GPU 0")
        return Device(
            name,
            threads,
            strict=settings.device != "auto",
            graphs=bool(settings.cuda_graphs) and name == "cuda",
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


def open_session(
    source: Path | bytes, device: Device, folder: Path | None = None, profile: tuple[str, str, str] | None = None
) -> ort.InferenceSession:
    """A session of a model file, or of a model whose external data is in `folder`, on the device.

    `profile` is for TensorRT, see `cuda.provider_options`.

    Raises:
        ModelError: ONNX Runtime cannot load the model.
        DeviceError: It would run on another provider than the device's.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Spinning threads would take the cores from the event loop between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    providers: list[object] = [PROVIDERS["cpu"]]
    if device.name != "cpu":
        providers = [*cuda.provider_options(device.provider, device.memory_limit, device.graphs, profile), *providers]
    session = _open(source, options, providers)
    if session.get_providers()[0] != device.provider:
        raise DeviceError(f"the session runs on {session.get_providers()[0]} instead of {device.provider}")
    return session


def inspect(path: Path) -> ort.InferenceSession:
    """A session that is quick to open, to read what the model's inputs, outputs and metadata are.

    Raises:
        ModelError: ONNX Runtime cannot load the file.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    return _open(path, options, [PROVIDERS["cpu"]])


def _open(source: Path | bytes, options: ort.SessionOptions, providers: list[object]) -> ort.InferenceSession:
    try:
        # Without `enable_fallback=0` ONNX Runtime would go on on the CPU after an error, and print to stdout.
        return ort.InferenceSession(
            source, options, providers=providers, disabled_optimizers=WRONG_OPTIMIZERS, enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        raise ModelError(f"ONNX Runtime cannot load it: {first_line(error)}") from error


def read_placement(session: ort.InferenceSession, device: Device, every_one: bool = False) -> Placement:
    """Where the session's nodes are; with `every_one`, all those on the CPU count as strays of another device."""
    counts: dict[str, int] = {}
    strays = []
    for group in session.get_provider_graph_assignment_info():
        nodes = group.get_nodes()
        counts[group.ep_name] = counts.get(group.ep_name, 0) + len(nodes)
        if device.name != "cpu" and group.ep_name == PROVIDERS["cpu"]:
            strayed = [node for node in nodes if every_one or node.op_type not in SHAPE_OPERATIONS]
            strays += [f"{node.op_type} {node.name}" for node in strayed]
    return Placement(counts, strays)


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
