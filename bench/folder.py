"""Pictures of a folder as HTTP requests; where it has sub-folders, these are named as the labels of what is in them."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult

from bench.errors import DataError
from bench.upload import Upload, multipart, post

PLAIN = re.compile(r"[\w .()-]+", re.ASCII)  # a file name that needs no escaping in a form
SEED = 0


class Picture(NamedTuple):
    """A PNG file and its class, where that is known."""

    path: Path
    label: str | None


def find_pictures(folder: Path) -> list[Picture]:
    """Every PNG in a folder and below, in an order that is drawn and always the same, so that some are like all.

    Raises:
        DataError: There is none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".png" and path.is_file())
    if not paths:
        raise DataError(f"{folder} holds no .png file" if folder.is_dir() else f"{folder} is no folder")
    random.Random(SEED).shuffle(paths)
    inner = [path.relative_to(folder).parts[:-1] for path in paths]
    return [Picture(path, parts[0] if parts else None) for path, parts in zip(paths, inner, strict=True)]


def make_upload(url: SplitResult, index: int, picture: Picture) -> Upload:
    """The upload of a file as it is; a name that a form would have to escape is replaced by its number.

    Raises:
        DataError: It cannot be read.
    """
    name = picture.path.name
    fn = name if PLAIN.fullmatch(name) else f"{index}.png"
    try:
        png = picture.path.read_bytes()
    except OSError as error:
        raise DataError(f"{picture.path} cannot be read: {error.strerror}") from error
    return Upload(fn, picture.label, post(url, *multipart(png, fn)))
