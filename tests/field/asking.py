"""A server of cases, started as the README says, and questions to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from bench.server import Server, running
from tests.field.case import Good
from tests.field.folder import write_folder
from tests.field.pictures import png_of

LIVE = "/v2/health/live"  # ready it never is, with bad models in its folder


class Reply(NamedTuple):
    """One answer of the server."""

    status: int
    json: Any


class Asked:
    """A running server of a models folder."""

    def __init__(self, client: httpx.Client, server: Server) -> None:
        self._client, self._server = client, server

    @property
    def log(self) -> list[str]:
        """The lines that it has written so far."""
        return self._server.read_log().splitlines()

    def get(self, path: str) -> Reply:
        """GET of a path."""
        response = self._client.get(path)
        return Reply(response.status_code, response.json())

    def about(self, name: str, what: str = "") -> Reply:
        """What `/v2/models/<name>` says, or `/v2/models/<name>/ready`."""
        return self.get(f"/v2/models/{quote(name, safe='')}{what}")

    def classify(self, name: str, pictures: Sequence[str], top: int) -> Reply:
        """The answer of a model to one request with these pictures."""
        files = [("file", (f"{picture}.png", png_of(picture), "image/png")) for picture in pictures]
        response = self._client.post(f"/{quote(name, safe='')}/classify", params={"top": top}, files=files)
        return Reply(response.status_code, response.json())

    def classify_png(self, name: str, png: bytes, top: int) -> Reply:
        """The answer of a model to one PNG, as a bare body."""
        headers = {"content-type": "image/png"}
        response = self._client.post(
            f"/{quote(name, safe='')}/classify", params={"top": top}, content=png, headers=headers
        )
        return Reply(response.status_code, response.json())

    def classify_each(self, case: Good) -> Iterator[tuple[str, str, Reply]]:
        """Picture, how it was sent, and the answer: alone, with all others in one request, and alone once more."""
        top = len(case.names)
        for picture in case.pictures:
            yield picture, "alone", self.classify(case.name, [picture], top)
        together = self.classify(case.name, case.pictures, top)
        for index, picture in enumerate(case.pictures):
            # The server may run the files of one request together; the answers must be those of each alone.
            one = together.json[index] if together.status == 200 else together.json
            yield picture, "with the others", Reply(together.status, one)
        yield case.pictures[0], "again", self.classify(case.name, case.pictures[:1], top)


@contextmanager
def serve_cases(models: Path, names: Sequence[str] = ()) -> Iterator[Asked]:
    """Write the cases of these names, or all, into the folder, and a server of them that answers."""
    write_folder(models, names)
    with serve_folder(models) as asked:
        yield asked


@contextmanager
def serve_folder(models: Path) -> Iterator[Asked]:
    """A server of a models folder that answers, ready or not."""
    environment = {"SERVICE_MODELS": str(models), "SERVICE_DEVICE": "cpu"}

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "service", "--port", str(port)]

    with (
        running(command, LIVE, environment) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client,
    ):
        yield Asked(client, server)
