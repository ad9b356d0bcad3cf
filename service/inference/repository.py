"""The models folder: `<name>/<version>/model.onnx`, the layout of Triton, KServe and OpenVINO Model Server."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

from service.errors import ModelError, StartupError
from service.inference.device import choose_device
from service.inference.model import Model
from service.settings import Settings

logger = logging.getLogger("service")
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


def load_models(settings: Settings, only: str | None = None) -> list[Model]:
    """Every model of the folder, or the one of that name, loaded and warmed up.

    Raises:
        StartupError: A model, the folder or the device cannot be used; the message says which and why.
    """
    files = find_models(settings.models)
    if only is not None:
        names = ", ".join(file.name for file in files)
        files = [file for file in files if file.name == only]
        if not files:
            raise ModelError(f"no model is called {only!r}; the models are {names}")
    device = choose_device(settings)
    models = []
    for file in files:
        try:
            models.append(Model(file.name, file.version, file.path, device, settings))
        except StartupError as error:
            raise ModelError(f"cannot serve {file.path}: {error}") from error
    return models
