import re
from pathlib import Path

import numpy as np
import pytest

from train import data
from train.data import DataError, download, load


def test_a_local_file_is_read(tiny_file: Path) -> None:
    mnist = load(tiny_file)
    assert [array.shape for array in mnist] == [(300, 28, 28, 1), (300,), (40, 28, 28, 1), (40,)]
    assert {array.dtype for array in mnist} == {np.dtype(np.uint8)}


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*gone\.npz \(No such file or directory\): pass --data FILE"):
        load(tmp_path / "gone.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_archive_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is not mnist\.npz"):
        load(path)


def test_an_archive_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    path, labels = tmp_path / "cifar.npz", np.zeros(3, np.uint8)
    colour = np.zeros((3, 32, 32, 3), np.uint8)
    np.savez(path, x_train=colour, y_train=labels, x_test=colour, y_test=labels)
    with pytest.raises(DataError, match=re.escape("holds uint8 (3, 32, 32, 3) images, not uint8 (N, 28, 28)")):
        load(path)


def test_a_cached_file_with_another_hash_is_refused(own_cache: Path) -> None:
    cached = own_cache / "upload-and-classify" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"tampered with")
    with pytest.raises(DataError, match="SHA-256 differs: delete it, or pass --data FILE"):
        load(None)


def test_a_download_with_another_hash_leaves_no_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "new" / "mnist.npz"
    source.write_bytes(b"something else")
    with pytest.raises(DataError, match="SHA-256 differs"):
        download(target, source.as_uri())
    assert list(target.parent.iterdir()) == []


def test_a_download_with_the_right_hash_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "mnist.npz"
    source.write_bytes(b"abc")
    monkeypatch.setattr(data, "SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")  # of abc
    download(target, source.as_uri())
    assert target.read_bytes() == b"abc"


def test_a_failed_download_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot download file:.*: pass --data FILE"):
        download(tmp_path / "mnist.npz", (tmp_path / "gone").as_uri())
