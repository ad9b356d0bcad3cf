"""The sample pictures that the page offers: a folder of `<index>-<class>.png`, listed once when the service starts."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

MAX_SAMPLES = 100
leading_number = re.compile(r"\d*")


class Samples:
    """PNG files of one folder; none, where the folder does not exist."""

    def __init__(self, folder: Path) -> None:
        found = [path.name for path in folder.glob("*.png") if path.is_file()] if folder.is_dir() else []
        self.names = sorted(found, key=_by_number)[:MAX_SAMPLES]
        self._files = StaticFiles(directory=folder, check_dir=False)

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
    """GET /samples/<file>."""
    samples: Samples = request.app.state.samples
    return await samples.answer(request, request.path_params["file"])


def _by_number(name: str) -> tuple[int, str]:
    """Sort key: 2-1.png before 10-7.png."""
    digits = leading_number.match(name)
    assert digits is not None  # no digits match, too
    return int(digits[0] or 0), name
