"""The models folder: `<name>/<version>/model.onnx`, the layout of Triton, KServe and OpenVINO Model Server."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

from service.errors import ModelError

logger = logging.getLogger("uvicorn.error")
model_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ModelFile(NamedTuple):
    """Where the highest version of a model is."""

    name: str
    version: int
    path: Path


def find_models(folder: Path) -> list[ModelFile]:
    """The highest version of every model, by name.

    A folder without any version is named in the log: a model that has been trained and not yet converted.

    Raises:
        ModelError: There is no such folder, or no model in it.
    """
    if not folder.is_dir():
        raise ModelError(f"the models folder {str(folder)!r} does not exist; SERVICE_MODELS names another")
    found = []
    for entry in sorted(path for path in folder.iterdir() if path.is_dir() and model_name.fullmatch(path.name)):
        versions = [int(path.parent.name) for path in entry.glob("*/model.onnx") if path.parent.name.isdecimal()]
        if versions:
            version = max(versions)
            found.append(ModelFile(entry.name, version, entry / str(version) / "model.onnx"))
        else:
            logger.info("%s holds no <version>/model.onnx and is not served.", entry)
    if not found:
        raise ModelError(f"the models folder {str(folder)!r} holds no <name>/<version>/model.onnx")
    return found
