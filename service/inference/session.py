"""ONNX Runtime's sessions of a model file: opened on a device, and where their nodes are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from service.errors import DeviceError, ModelError, PartitionedGraphError
from service.inference import cuda
from service.inference.device import PROVIDERS, Device
from service.inference.external_data import read_external_data
from service.inference.onnx_runtime import SHARED_ARENA, first_line, ort
from service.priority import step_back

# Folds zero padding into a MaxPool, which pads with minus infinity: other answers than the model's (seen in 1.31).
WRONG_OPTIMIZERS = ["Pad_Fusion"]
NO_MODEL = "it is no ONNX model, or one that was cut off or damaged on its way; copy or download it again"
LARGE = 1 << 20  # bytes of a model
FATAL_ONLY = 4  # ONNX Runtime's log level; what it would print comes back as an exception too
# CUDA has kernels for these, so where one is on the CPU, ONNX Runtime keeps the arithmetic of shapes there on purpose.
SHAPE_OPERATIONS = frozenset(
    "Shape Size Gather Concat Unsqueeze Squeeze Slice Cast Range ConstantOfShape ReduceProd Add Sub Mul Div Mod Floor"  # noqa: SIM905
    " Ceil Max Min Equal Less Greater Where Not And Or Expand Identity Split Reshape ScatterND Constant".split()
)


class Declared(NamedTuple):
    """An input or an output as the file has it."""

    name: str
    dtype: str  # ONNX Runtime's, such as tensor(float)
    shape: Sequence[int | str | None]  # a string or None is an open side


class Placement(NamedTuple):
    """Where ONNX Runtime has put the nodes of a session."""

    counts: dict[str, int]  # nodes of each provider
    strays: list[str]  # nodes that fell to the CPU for want of a kernel, as "operation name"


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
    if device.name == "cpu":
        options.add_session_config_entry(*SHARED_ARENA)
    providers: list[object] = [PROVIDERS["cpu"]]
    if device.name != "cpu":
        providers = [*cuda.provider_options(device.provider, device.memory_limit, device.graphs, profile), *providers]
    # ONNX Runtime's own threads have the priority of the one that opens the session.
    with ThreadPoolExecutor(1, initializer=step_back) as opener:
        session = opener.submit(_open, source, folder, options, providers).result()
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
    return _open(path, path.parent, options, [PROVIDERS["cpu"]])


def _open(
    source: Path | bytes, folder: Path | None, options: ort.SessionOptions, providers: list[object]
) -> ort.InferenceSession:
    if isinstance(source, Path):
        folder = source.parent
    if folder is not None:
        source, files = read_external_data(source, folder)
        lengths = [len(content) for content in files.values()]
        options.add_external_initializers_from_files_in_memory(list(files), list(files.values()), lengths)
    try:
        with _as_file(source) as loaded:
            # Without `enable_fallback=0` ONNX Runtime would go on on the CPU after an error, and print to stdout.
            session = ort.InferenceSession(
                loaded, options, providers=providers, disabled_optimizers=WRONG_OPTIMIZERS, enable_fallback=0
            )
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        if "INVALID_PROTOBUF" in str(error):
            raise ModelError(NO_MODEL) from error
        kind = PartitionedGraphError if "partitioned" in str(error) else ModelError
        raise kind(f"ONNX Runtime cannot load it: {first_line(error)}") from error
    session._model_bytes = None  # kept for the fallback that is switched off, as large as all weights
    return session


@contextmanager
def _as_file(source: Path | bytes) -> Iterator[Path | bytes]:
    """A large model as a file in memory: of bytes ONNX Runtime copies all while it holds all threads up."""
    if isinstance(source, Path) or len(source) < LARGE or sys.platform != "linux":
        yield source
        return
    descriptor = os.memfd_create("model")
    try:
        view = memoryview(source)
        while view:
            view = view[os.write(descriptor, view) :]
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


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
