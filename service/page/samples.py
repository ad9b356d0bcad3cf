"""The sample pictures of a model: `models/<name>/samples/*.png`, listed once.

The first is answered when the service starts, so that the page shows what an answer looks like before anybody has done
anything. Of a model that comes later, the page's scripts ask for it.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from service.errors import NotANumberError, RequestError
from service.images.decoding import decode
from service.images.preprocessing import Pixels, fit
from service.inference.description import Label
from service.registry import Served

logger = logging.getLogger("service")
FOLDER = "samples"
MAX_SAMPLES = 100
MAX_PIXELS = 4096 * 4096  # of a sample
TOP = 5
leading_number = re.compile(r"\d*")


class Example(NamedTuple):
    """A sample and what the model answered."""

    name: str
    pixels: Pixels  # (H, W, C) uint8
    seen: Pixels  # (height, width, channels) uint8, the model's input
    ranked: list[tuple[Label, float]]  # TOP labels with their probabilities, best first


class Samples:
    """PNG files of one folder; none, where the folder does not exist."""

    example: Example | None = None

    def __init__(self, folder: Path) -> None:
        found = [path.name for path in folder.glob("*.png") if path.is_file()] if folder.is_dir() else []
        names = [name for name in found if name.isprintable()]  # a page can hold these only
        if len(names) < len(found):
            logger.warning("%s: %d samples have names that no page can hold.", folder, len(found) - len(names))
        self.folder, self.names = folder, sorted(names, key=_by_number)[:MAX_SAMPLES]
        self._files = StaticFiles(directory=folder, check_dir=False)

    def read(self, name: str) -> Pixels:
        """Pixels (H, W, C) uint8 of a sample.

        Raises:
            RequestError: It is no good PNG.
            OSError: It cannot be read.
        """
        return decode((self.folder / name).read_bytes(), MAX_PIXELS)

    def try_first(self, served: Served) -> None:
        """Ask the model about the first sample, before it serves; one that cannot be answered is named in the log."""
        if not self.names:
            return
        name, model = self.names[0], served.model
        try:
            pixels = self.read(name)
            seen = fit(pixels, served.target)
            (result,) = model.run([seen])
            if isinstance(result, Exception):
                raise result
        except (RequestError, NotANumberError, OSError) as error:
            logger.warning("%s: the sample %s is not shown with its answer: %s.", model.name, name, error)
        else:
            order = np.argsort(-result[1], kind="stable")[:TOP]
            ranked = [(model.labels[index], float(result[1][index])) for index in order]
            self.example = Example(name, pixels, seen, ranked)

    async def answer(self, request: Request, name: str) -> Response:
        """The file of that name, or 304 where the browser has it.

        Raises:
            HTTPException: 404, the name is not among `names`; nothing else of the disk can be reached.
        """
        if name not in self.names:
            raise HTTPException(404)
        response = await self._files.get_response(name, request.scope)
        response.headers["cache-control"] = "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response


async def send_sample(request: Request) -> Response:
    """GET /<model>/samples/<file>."""
    state = request.app.state
    served = state.registry.find(request.path_params["name"])
    samples: Samples = state.pages.samples_of(served.model)
    return await samples.answer(request, request.path_params["file"])


def _by_number(name: str) -> tuple[int, str]:
    """Sort key: 2-1.png before 10-7.png."""
    digits = leading_number.match(name)
    assert digits is not None  # no digits match, too
    return int(digits[0] or 0), name
