from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.service.models import colour_model, shade_model
from tests.serving import Server, serve


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of grey (H, W) or colour (H, W, C) pixels."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: shade (two versions, the higher one with labels), colour, and one not converted yet."""
    folder = tmp_path_factory.mktemp("models")
    shade_model(folder / "shade/2/model.onnx")
    shade_model(folder / "shade/10/model.onnx", names="{0: 'dark', 1: 'light'}")
    colour_model(folder / "colour/1/model.onnx")
    (folder / "trained").mkdir()
    return folder


WAYS = {"asgi": (), "fast": ("--http", "service.server:Protocol")}  # uvicorn's options for each way of a request


@pytest.fixture(scope="session", params=WAYS)
def server(models: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with small limits; every test of the HTTP contract runs over both ways."""
    limits = {"SERVICE_MAX_BODY_BYTES": "200000", "SERVICE_MAX_PIXELS": "90000", "SERVICE_MAX_PARTS": "8"}
    with serve(
        {"SERVICE_MODELS": str(models), "SERVICE_BODY_TIMEOUT_S": "1", **limits}, *WAYS[request.param]
    ) as server:
        yield server


@pytest.fixture(scope="session")
def pngsuite() -> Path:
    """Willem van Schaik's PngSuite, from the folder that PNGSUITE names."""
    if "PNGSUITE" not in os.environ:
        pytest.skip("PNGSUITE names no folder with the PngSuite")
    return Path(os.environ["PNGSUITE"])
