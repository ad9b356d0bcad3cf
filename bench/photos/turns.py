"""One candidate's turn: started once, and put under load with each kind of picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from bench.candidates import Candidate
from bench.payload import HOST, post_tensor
from bench.rounds import Plan, Turn, put_under_load, start
from bench.upload import Upload, multipart, post

TENSORS_OF = "png 224x224"  # pictures that need no decoder and no filter any more
TYPES = {".png": b"image/png", ".jpg": b"image/jpeg"}


def take_turn(
    candidate: Candidate, plan: Plan, files: Mapping[str, Sequence[Path]], measured: Mapping[str, Any]
) -> dict[str, Turn]:
    """What each kind of picture gave; `measured` has the right classes.

    Raises:
        BenchError: It cannot be built or started, answers wrongly, or fails a request.
    """
    way = "pillow" if candidate.name.endswith("-pillow") else "service"
    turns = {}
    with start(candidate, plan) as started:
        for kind, paths in files.items():
            if candidate.form == "tensor" and kind != TENSORS_OF:
                continue
            classes = measured["kinds"][kind][way]["classes"]
            uploads = [make_upload(candidate, path, label) for path, label in zip(paths, classes, strict=True)]
            turns[kind] = put_under_load(candidate, plan, started, uploads)
    return turns


def make_upload(candidate: Candidate, path: Path, label: int) -> Upload:
    """A picture as the candidate takes it, and the class that must come back."""
    data, url = path.read_bytes(), urlsplit(HOST + candidate.path)
    if candidate.form == "multipart":
        message = post(url, *multipart(data, path.name))
    elif candidate.form == "png":
        message = post(url, TYPES[path.suffix], data)
    else:
        message = post_tensor(candidate.path, np.asarray(Image.open(path)))
    return Upload(path.name, label, message)
