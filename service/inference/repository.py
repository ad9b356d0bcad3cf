"""The models folder: `<name>/<version>/model.onnx`, the layout of Triton, KServe and OpenVINO Model Server."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from service.errors import ModelError
from service.inference.readers import COMPANIONS

logger = logging.getLogger("service")
FILE = "model.onnx"
NUMBER = re.compile(r"0|[1-9][0-9]*")  # as in Triton, 01 is none: it could not be told from 1
TRAINED = ("saved_model.pb", "*.keras", "*.h5")  # what `python -m convert` reads
SPECIAL = {"lost+found": "it is the file system's own"}


class ModelFile(NamedTuple):
    """Where a version of a model is."""

    name: str
    version: int
    path: Path


Tell = Callable[[Path, str], None]  # an entry that is skipped, and why
Marks = dict[ModelFile, int]  # of each version of a model, the highest first, what changes when its files do


def log_skipped(entry: Path, reason: str) -> None:
    """One line for what lies in the models folder and is no model."""
    shown = str(entry) if str(entry).isprintable() else repr(str(entry))
    logger.info("%s is skipped: %s.", shown, reason)


def find_models(folder: Path, tell: Tell = log_skipped) -> dict[str, list[ModelFile]]:
    """The versions of every model, the highest first, by name.

    Whatever else lies in the folder is told, with the reason why it is skipped.

    Raises:
        ModelError: There is no such folder, or no model in it.
    """
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"the models folder {str(folder)!r} does not exist; SERVICE_MODELS names another") from None
    except OSError as error:
        raise ModelError(f"the models folder {str(folder)!r} cannot be read: {error.strerror}") from error
    found = {}
    for entry in entries:
        try:
            reason = _find_obstacle(entry)
            versions = [] if reason else find_versions(entry, tell)
            reason = reason or explain_emptiness(entry)
        except OSError as error:
            reason, versions = f"it cannot be read: {error.strerror}", []
        if versions:
            found[entry.name] = versions
        else:
            tell(entry, reason)
    if not found:
        raise ModelError(f"the models folder {str(folder)!r} holds no <name>/<version>/{FILE}")
    return found


def _find_obstacle(entry: Path) -> str:
    """Why an entry of the models folder is no model's folder; empty if it is one."""
    reason = find_name_obstacle(entry.name)
    if not reason and not entry.is_dir():
        hint = f"; put it at {entry.with_suffix('') / '1' / FILE}" if entry.suffix == ".onnx" else ""
        return f"it is no folder{hint}"
    return reason


def find_name_obstacle(name: str) -> str:
    """Why a folder of that name is no model's; empty if it may be one."""
    if name.startswith("."):
        return "its name begins with a dot"
    if name in SPECIAL:
        return SPECIAL[name]
    if not name.isprintable():  # it would also break the lines of the log and the names of counters
        return "its name has characters that cannot be shown"
    return ""


def find_versions(folder: Path, tell: Tell = log_skipped) -> list[ModelFile]:
    """The versions in a model's folder, the highest first; folders that could be meant and are none are told."""
    found = []
    for entry in sorted(folder.iterdir()):
        path = entry / FILE
        is_number = NUMBER.fullmatch(entry.name) is not None
        if is_number and _is_there(path):
            found.append(ModelFile(folder.name, int(entry.name), path))
        elif is_number and entry.is_dir():
            tell(entry, explain_emptiness(entry))
        elif _is_there(path):
            tell(entry, "a version is a whole number such as 1")
    return sorted(found, key=lambda file: -file.version)


def _is_there(path: Path) -> bool:
    """Whether there is anything, even if it cannot be read: who opens it will say why."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def explain_emptiness(folder: Path) -> str:
    """Why a model's or a version's folder has nothing to serve."""
    if (folder / FILE).exists():
        return f"{FILE} is in no version's folder; put it at {folder / '1' / FILE}"
    trained = next((path for pattern in TRAINED for path in sorted(folder.glob(pattern))), None)
    if trained is None:
        return f"it holds no <version>/{FILE}" if not NUMBER.fullmatch(folder.name) else f"it holds no {FILE}"
    source = folder if trained.name == "saved_model.pb" else trained
    return f"it holds a trained model and no <version>/{FILE}; `python -m convert {source}` makes one"


def mark_models(folder: Path) -> dict[str, Marks]:
    """What `find_models` finds, with a mark of each version; nothing is told, for it is asked again and again.

    Raises:
        ModelError: There is no such folder, or no model in it.
    """
    found = find_models(folder, lambda entry, reason: None)
    return {name: {file: _mark(file.path.parent) for file in files} for name, files in found.items()}


def _mark(version: Path) -> int:
    """A number, from 1, that changes with a file of the version or with one beside it that describes the model."""
    digest = blake2b(digest_size=8)
    for path in _list_files(version):
        try:
            seen = path.stat()
        except OSError:
            continue  # it has just gone
        digest.update(f"{path}\0{seen.st_size} {seen.st_mtime_ns} {seen.st_ino}\n".encode(errors="surrogateescape"))
    return 1 + (int.from_bytes(digest.digest()) >> 2)


def _list_files(version: Path) -> Iterable[Path]:
    try:
        inside = sorted(path for path in version.rglob("*") if path.is_file())
    except OSError:
        inside = [version / FILE]
    return [*inside, *(version.parent / name for name in COMPANIONS)]
