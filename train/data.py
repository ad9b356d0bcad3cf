"""MNIST: Keras's published file, from disk or downloaded once, checked by its hash.

Knows nothing about training. Errors:

    DataError   the file is missing, not what Keras published, or cannot be downloaded
"""

import hashlib
import os
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
DOWNLOAD_TIMEOUT_S = 30
ADVICE = "pass --data FILE (or set MNIST_NPZ) with a copy of mnist.npz"


class DataError(Exception):
    """One sentence for the user: what is wrong with the data, and the way out."""


class Mnist(NamedTuple):
    """The two splits; images (N, 28, 28, 1) uint8, light ink on black, and labels (N,) uint8."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


def cache_folder() -> Path:
    """Where downloads and checkpoints go: $XDG_CACHE_HOME or ~/.cache, then upload-and-classify."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "upload-and-classify"


def load(file: Path | None) -> Mnist:
    """Read MNIST from `file`, or from the cache, downloading it there first if need be."""
    path = file or cache_folder() / "mnist.npz"
    if file is None and not path.exists():
        download(path)
    if file is None:
        check_hash(path)  # a file of the user's own choice may be packed differently: its arrays are checked instead
    try:
        with path.open("rb") as content, np.load(content) as arrays:
            x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except OSError as err:
        raise DataError(f"cannot read {path} ({err.strerror or err}): {ADVICE}") from err
    except (ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as err:
        raise DataError(
            f"{path} is not mnist.npz, four arrays named x_train, y_train, x_test, y_test: {ADVICE}"
        ) from err
    for images, labels in ((x_train, y_train), (x_test, y_test)):
        if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
            raise DataError(f"{path} holds {images.dtype} {images.shape} images, not uint8 (N, 28, 28): {ADVICE}")
    return Mnist(x_train[..., None], y_train.astype(np.uint8), x_test[..., None], y_test.astype(np.uint8))


def digest(mnist: Mnist) -> str:
    """SHA-256 of the training arrays' bytes, hexadecimal, whatever file they came from."""
    return hashlib.sha256(mnist.train_images.tobytes() + mnist.train_labels.tobytes()).hexdigest()


def check_hash(path: Path) -> None:
    """Raise DataError unless `path` is, byte for byte, the file that Keras published."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise DataError(f"{path} is not Keras's mnist.npz, its SHA-256 differs: delete it, or {ADVICE}")


def download(path: Path, url: str = URL) -> None:
    """Fetch mnist.npz (11 MB) to `path`; a download that stops half-way leaves nothing behind there."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer, part.open("wb") as out:  # noqa: S310
            size = int(answer.headers.get("Content-Length") or 0)
            with tqdm(total=size, unit="B", unit_scale=True, desc="mnist.npz") as bar:
                while chunk := answer.read(1 << 16):
                    out.write(chunk)
                    bar.update(len(chunk))
        check_hash(part)
        part.replace(path)
    except OSError as err:  # URLError and timeouts too
        raise DataError(f"cannot download {url} ({err}): {ADVICE}") from err
    finally:
        part.unlink(missing_ok=True)
