from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bench import mnist as data
from bench.errors import DataError


def test_named_file(mnist: Path) -> None:
    images, labels = data.read_test_set(mnist)
    assert images.shape == (10000, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_environment(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_NPZ", str(mnist))
    assert len(data.read_test_set()[0]) == 10000


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text.npz", tmp_path / "other.npz"
    text.write_text("no archive")
    np.savez(other, x_test=np.zeros((2, 3), np.uint8), y_test=np.zeros(2, np.uint8))
    empty, corrupt = tmp_path / "empty.npz", tmp_path / "corrupt.npz"
    empty.touch()
    np.savez_compressed(corrupt, x_test=np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8))
    content = bytearray(corrupt.read_bytes())
    content[200:400] = b"damage! " * 25
    corrupt.write_bytes(content)
    for path in (text, other, empty, corrupt, tmp_path / "missing.npz", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            data.read_test_set(path)


def test_download_is_checked_and_kept(mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with another hash is refused; the right one is downloaded once."""
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(data, "URL", mnist.as_uri())
    monkeypatch.setattr(data, "SHA256", "0" * 64)
    with pytest.raises(DataError, match="instead of 0000"):
        data.read_test_set()
    monkeypatch.undo()
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(data, "URL", mnist.as_uri())
    monkeypatch.setattr(data, "SHA256", hashlib.sha256(mnist.read_bytes()).hexdigest())
    data.read_test_set()
    monkeypatch.setattr(data, "URL", "file:///nowhere")
    assert len(data.read_test_set()[0]) == 10000


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(data, "URL", "file:///nowhere.npz")
    with pytest.raises(DataError, match="--data or MNIST_NPZ"):
        data.read_test_set()
