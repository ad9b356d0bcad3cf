"""The MNIST test set: a local `mnist.npz`, or Keras's published file, downloaded once into the user's cache."""

from __future__ import annotations

import hashlib
import os
import urllib.request
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
TIMEOUT_S = 60


def read_test_set(file: Path | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (10000, 28, 28) uint8, white on black, and labels (10000,) uint8, in the published order.

    The file is `file`, else the one that MNIST_NPZ names, else the downloaded one.

    Raises:
        DataError: There is no such file, it cannot be downloaded, or it is not MNIST.
    """
    named = file or (Path(os.environ["MNIST_NPZ"]) if os.environ.get("MNIST_NPZ") else None)
    path = named or _download()
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["x_test"], arrays["y_test"]
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; name another mnist.npz, or none to download it") from None
    except (OSError, KeyError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not an mnist.npz with x_test and y_test: {error}") from error
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != np.uint8 or len(images) != len(labels):
        raise DataError(f"{path} has x_test {images.shape} {images.dtype}; MNIST's is (10000, 28, 28) uint8")
    return images, labels.astype(np.uint8)


def cached_file() -> Path:
    """Where the downloaded file lies."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "upload-and-classify" / "mnist.npz"


def _download() -> Path:
    path = cached_file()
    if path.exists():
        return path
    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT_S) as response:
            content: bytes = response.read()
    except OSError as error:
        raise DataError(f"cannot download {URL} ({error}); name a local mnist.npz with --data or MNIST_NPZ") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{URL} has sha256 {found} instead of {SHA256}; name a local mnist.npz with --data")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path
