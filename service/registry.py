"""The models folder, loaded: each model with the batcher before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.api.multipart import Part
from service.api.uploads import BodyReader
from service.errors import ModelError, StartupError
from service.images.reading import read_image
from service.inference.batcher import Batcher
from service.inference.device import choose_device
from service.inference.model import Model
from service.inference.repository import find_models
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """What a request needs of the model that its path names."""

    model: Model
    batcher: Batcher
    reader: BodyReader
    decoders: ThreadPoolExecutor  # as many threads as cores: each may hold a large image
    settings: Settings

    def read_images(self, parts: Sequence[Part]) -> list[NDArray[np.uint8]]:
        """The model's view (H, W, C) uint8 of each part.

        Raises:
            ImageError, LimitError: A file is not a valid PNG, or too large.
        """
        return [read_image(part, self.model, self.settings.max_pixels) for part in parts]

    async def read_large_images(self, parts: Sequence[Part]) -> list[NDArray[np.uint8]]:
        """Like `read_images`, on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.decoders, self.read_images, parts)

    def describe(self) -> str:
        """One line for the log."""
        model, place = self.model, "on the event loop" if self.batcher.inline else "on a thread"
        return (
            f"POST /{model.name}/classify: version {model.version}, {model.classes} classes, on {model.device.name},"
            f" batches of up to {model.max_batch} images ({model.runner.batch_s * 1000:.1f} ms) {place}."
        )


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
