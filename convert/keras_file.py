"""A Keras file before Keras loads it: what it is, its configuration, and a copy with another configuration.

`.keras` is a zip archive with config.json, legacy `.h5` is HDF5 with the attribute model_config.
"""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convert.errors import SourceError, first_line

Configuration = dict[str, Any]

CONFIG = "config.json"
SAVE = 'save the whole model with model.save("model.keras")'
ADOPT = "python -m service.adopt"
ONNX = re.compile(rb"\x08[\x03-\x14][\x12:B]")  # the version of the format, and a name
# What a file is by its first bytes, and what to do about it.
SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "name it .h5"),
    (b"PK\x03\x04", "a zip archive", "name it .keras, if Keras wrote it"),
    (b"\x80\x02", "Python's pickle, as PyTorch writes it", f"export it with torch.onnx.export() for {ADOPT}"),
    (b"version https://git-lfs", "a Git LFS pointer and not the model itself", "run `git lfs pull`"),
)


def read_configuration(path: Path) -> Configuration:
    """The configuration that Keras wrote into the .keras or .h5 file at `path`.

    Raises SourceError, which says what the file is instead, when there is none.
    """
    try:
        return _read_archive(path) if _is_archive(path) else _read_hdf5(path)
    except (ValueError, OSError, RecursionError, zipfile.BadZipFile) as err:  # ValueError: of JSON or of UTF-8
        raise SourceError(f"{path} is damaged ({first_line(err)}); {SAVE} again.") from err


@contextmanager
def copied_with(path: Path, configuration: Configuration) -> Iterator[Path]:
    """A copy of the Keras file at `path` with that configuration, in a temporary folder, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        if _is_archive(path):
            _copy_archive(path, copy, json.dumps(configuration))
        else:
            import h5py

            shutil.copyfile(path, copy)
            with h5py.File(copy, "r+") as file:
                file.attrs["model_config"] = json.dumps(configuration)
        yield copy


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".keras"


def _read_archive(path: Path) -> Configuration:
    if not zipfile.is_zipfile(path):
        raise SourceError(f"{path} is {_tell(path)} (a .keras file is a zip archive).")
    with zipfile.ZipFile(path) as archive:
        if any(name.endswith("/data.pkl") for name in archive.namelist()):
            raise SourceError(f"{path} is PyTorch's; export it with torch.onnx.export(), and give that to {ADOPT}.")
        if CONFIG not in archive.namelist():
            raise SourceError(f"{path} is a zip archive without {CONFIG}, so no Keras model; {SAVE}.")
        return _parse(archive.read(CONFIG))


def _read_hdf5(path: Path) -> Configuration:
    import h5py

    if not h5py.is_hdf5(path):
        raise SourceError(f"{path} is {_tell(path)} (an .h5 file is HDF5).")
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None and len(file):
            raise SourceError(
                f"{path} holds weights only, not the model that they belong to; "
                f"build the model, load them with model.load_weights(), and {SAVE}."
            )
        if text is None:
            raise SourceError(f"{path} is an HDF5 file without a Keras model; {SAVE}.")
        return _parse(text)


def _parse(text: str | bytes) -> Configuration:
    configuration = json.loads(text)
    if not isinstance(configuration, dict):
        raise ValueError("its configuration is no dictionary")
    return configuration


def _tell(path: Path) -> str:
    # "a Git LFS pointer …; run `git lfs pull`"
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"PK\x03\x04") and _is_archive(path):
        return f"a zip archive that was cut off; copy it again, or {SAVE} again"
    if ONNX.match(start):
        return f"an ONNX file, which needs no conversion; give it to {ADOPT}"
    if start[4:8] == b"TFL3":
        return f"TensorFlow Lite's; {SAVE} where it was made"
    for signature, kind, cure in SIGNATURES:
        if start.startswith(signature):
            return f"{kind}; {cure}"
    if not start:
        return f"empty; {SAVE}"
    kind = "text" if start.isascii() and b"\0" not in start else "no file of Keras"
    return f"{kind}; {SAVE}"


def _copy_archive(path: Path, copy: Path, text: str) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            if name == CONFIG:
                new.writestr(name, text)
                continue
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
