from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.models import colour_model, shade_model
from tests.serving import Server, serve_workers


@pytest.fixture(scope="session")
def clients_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: shade, of bytes, with labels, and colour, of floats."""
    folder = tmp_path_factory.mktemp("models")
    shade_model(folder / "shade/3/model.onnx", names="{0: 'dark', 1: 'light'}")
    colour_model(folder / "colour/1/model.onnx")
    return folder


@pytest.fixture(scope="session")
def address(clients_models: Path) -> Iterator[str]:
    """Host and port of a server of two workers."""
    environment = {"SERVICE_MODELS": str(clients_models), "SERVICE_DEVICE": "cpu"}
    with serve_workers(environment, "--workers", "2") as server:
        yield address_of(server)


def address_of(server: Server) -> str:
    """Host and port."""
    return server.url.removeprefix("http://")
