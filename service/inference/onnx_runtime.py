"""ONNX Runtime, imported here and nowhere else, with its reports to its maker switched off first.

Since 1.29 it may send them as soon as it is imported. The import takes a third of a second: only the lifespan and the
commands need it.
"""

from __future__ import annotations

import os
import re

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort  # only after the switch above

ort.disable_telemetry_events()
# One arena of the CPU's memory for all sessions that ask: those of their own would each keep what a large batch takes.
ort.create_and_register_allocator(
    ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT), ort.OrtArenaCfg({})
)
SHARED_ARENA = "session.use_env_allocators", "1"

# Around what an error says: its kind, the file, which the log names anyway, and places in ONNX Runtime's source.
noise = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:"
    r"|/\S+\.(cc|h):\d+ [^()]*\([^()]*\)( const)? ?|(?<=\.)\w+\.cc:\d+ \w+ ?|\b\w+\.cc:\d+ \w+ "
)
cuda_failure = re.compile(r"(CUDA|CUDNN|CUBLAS|CUFFT|CURAND) failure \d+: [^;\n]*")

__all__ = ["SHARED_ARENA", "first_line", "ort", "run_options"]


def run_options(graph: int = -1) -> ort.RunOptions:
    """Of a run that captures or replays the CUDA graph of that number; -1 for none."""
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(graph))
    return options


def first_line(error: Exception) -> str:
    """What an error of ONNX Runtime says: one of CUDA's without the source code around it, else the first line."""
    text = str(error).strip()
    found = cuda_failure.search(text)
    if found:
        return found[0].strip()
    return noise.sub("", text.splitlines()[0]).strip() if text else type(error).__name__
