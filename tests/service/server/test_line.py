"""What waits in the line keeps its order, whatever happens to a piece."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from service.server.line import SHARE
from service.server.protocol import BoundedProtocol

LAST = b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    path = scope["raw_path"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(path))]})
    await send({"type": "http.response.body", "body": path})


async def bring(*pieces: bytes) -> list[bytes]:
    """The bodies of the answers to pieces that all wait in the line."""
    config, state = Config(echo, lifespan="off", ws="none", log_level="critical"), ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while not state.connections:
            await asyncio.sleep(0.01)
        connection: Any = next(iter(state.connections))
        connection.line.left = 0
        for piece in pieces:
            connection.data_received(piece)
        connection.line.close()
        answers = await asyncio.wait_for(reader.read(), 5)
        assert connection.in_line == 0
        assert connection.line.left == SHARE
        writer.close()
    return [answer.rpartition(b"\r\n\r\n")[2] for answer in answers.split(b"HTTP/1.1 200 OK")[1:]]


def test_a_request_that_is_read_again_keeps_its_place() -> None:
    wish = b"GET /first HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /sec"
    assert asyncio.run(bring(wish, b"ond HTTP/1.1\r\n\r\n", LAST)) == [b"/first", b"/second", b"/last"]


def test_a_defect_ends_one_connection_and_not_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object, data: bytes) -> None:
        raise RuntimeError(data)

    monkeypatch.setattr(BoundedProtocol, "take", fail)
    assert asyncio.run(bring(LAST)) == []
