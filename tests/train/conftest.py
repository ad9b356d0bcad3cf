import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from train.data import Mnist, load


@pytest.fixture(scope="session")
def mnist() -> Mnist:
    """The real data set, where the machine has it."""
    file = os.environ.get("MNIST_NPZ")
    if not file:
        pytest.skip("needs MNIST_NPZ, the path of a local mnist.npz")
    return load(Path(file))


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """40 made-up "digits", (40, 28, 28, 1) uint8: bars and boxes, light on black."""
    draws = np.random.default_rng(0)
    images = np.zeros((40, 28, 28, 1), dtype=np.uint8)
    for image in images:
        top, left = draws.integers(5, 12, 2)
        image[top : top + 12, left : left + 3] = 255
        image[top : top + 3, left : left + draws.integers(3, 10)] = 200
    return images


@pytest.fixture
def tiny_file(tmp_path: Path, digits: np.ndarray) -> Path:
    """An mnist.npz of 300 training and 40 test images."""
    path = tmp_path / "mnist.npz"
    labels = np.arange(40, dtype=np.uint8) % 10
    many = np.concatenate([digits] * 8)[:300]
    np.savez(
        path, x_train=many[..., 0], y_train=np.concatenate([labels] * 8)[:300], x_test=digits[..., 0], y_test=labels
    )
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
