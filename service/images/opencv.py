"""OpenCV's decoders, libpng, libjpeg-turbo and libwebp, as this service uses them."""

from __future__ import annotations

import ctypes
import platform

import cv2
import numpy as np
from numpy.typing import NDArray

from service.images.formats import Data

AS_THEY_ARE = cv2.IMREAD_UNCHANGED  # channels and bits; blue comes first
RGB_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
GREY_FLAGS = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION

cv2.setNumThreads(1)  # the threads are the service's own
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would print comes back as None


def decode_by_opencv(data: Data, flags: int) -> NDArray[np.uint8] | None:
    """Pixels (H, W) or (H, W, C), 16 bits where the flags leave them; None for a file that it refuses."""
    pixels: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return pixels


def silence_stderr() -> None:
    """Take C's stderr away from the decoders, which print a line there for damaged files: strangers would fill the log.

    Python writes to the file descriptor itself and ONNX Runtime through C++ streams, so both still arrive.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        ctypes.c_void_p.in_dll(libc, "stderr").value = libc.fopen(b"/dev/null", b"w")


silence_stderr()
