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

cuda_failure = re.compile(r"(CUDA|CUDNN|CUBLAS|CUFFT|CURAND) failure \d+: [^;\n]*")

__all__ = ["first_line", "ort"]


def first_line(error: Exception) -> str:
    """What an error of ONNX Runtime says: one of CUDA's without the source code around it, else its first line."""
    text = str(error).strip()
    found = cuda_failure.search(text)
    if found:
        return found[0].strip()
    return text.splitlines()[0] if text else type(error).__name__
