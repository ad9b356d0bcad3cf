from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from service.api.body import BodyReader, until_left
from service.errors import LimitError, OverloadError
from service.settings import Settings

pytestmark = pytest.mark.usefixtures("small_buffers")
Receive = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """These bodies are of some bytes, and so is what a connection holds of them."""
    monkeypatch.setattr("service.api.body.BUFFERED_BYTES", 0)


def sending(*pieces: bytes, then: str = "") -> Receive:
    """A client that sends the pieces as one body, and then nothing, or leaves in the middle."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if then == "end":
        messages[-1]["more_body"] = False
    elif then == "leave":
        messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)  # others send, too
        return messages.pop(0) if messages else await asyncio.Future()

    return receive


@asynccontextmanager
async def reader(**settings: int) -> AsyncIterator[BodyReader]:
    bodies = BodyReader(Settings(**{"body_timeout_s": 1, **settings}))  # type: ignore[arg-type]
    watch = asyncio.create_task(bodies.watch())
    yield bodies
    watch.cancel()


def read(bodies: BodyReader, receive: Receive, declared: int | None = None) -> asyncio.Task[bytes | bytearray]:
    headers = [] if declared is None else [(b"content-length", b"%d" % declared)]
    return asyncio.create_task(bodies.read({"headers": headers}, receive))


def test_pieces_are_joined_and_a_client_that_leaves_is_told_of() -> None:
    async def main() -> None:
        async with reader() as bodies:
            assert await read(bodies, sending(b"whole", then="end")) == b"whole"
            assert await read(bodies, sending(b"a", b"", b"b", then="end")) == b"ab"
            with pytest.raises(ClientDisconnect):
                await read(bodies, sending(b"a", then="leave"))

    asyncio.run(main())


def test_a_body_has_bounds_in_bytes_and_seconds() -> None:
    async def main() -> None:
        async with reader(max_body_bytes=3) as bodies:
            for receive in (sending(b"abcd", then="end"), sending(b"ab", b"cd")):
                with pytest.raises(LimitError, match="the body is 4 bytes or more; at most 3 are allowed"):
                    await read(bodies, receive)
            with pytest.raises(LimitError, match="the body is 9 bytes or more"):
                await read(bodies, sending(b"a"), 9)
            with pytest.raises(LimitError, match="the body took longer than 1 s to arrive"):
                await read(bodies, sending(b"a"))

    asyncio.run(main())


def test_bodies_together_are_bounded_the_oldest_goes_on_and_the_others_wait() -> None:
    async def main() -> None:
        async with reader(max_held_bytes=10) as bodies:
            gate = asyncio.Event()

            async def answer(*pieces: bytes) -> bytes:
                body = await bodies.read({"headers": []}, sending(*pieces, then="end"))
                await gate.wait()
                return bytes(body)

            first = asyncio.create_task(answer(b"abc", b"def"))
            waiting = [asyncio.create_task(answer(b"ghi", b"jk")) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert not any(task.done() for task in waiting)
            for task in waiting:  # the first one is complete and still held
                with pytest.raises(OverloadError, match="uploads of more than 5 bytes are under way; try again"):
                    await task
            waiting = [asyncio.create_task(answer(b"ghi", b"jk")) for _ in range(2)]
            await asyncio.sleep(0.1)
            gate.set()
            assert await asyncio.gather(first, *waiting) == [b"abcdef", b"ghijk", b"ghijk"]
            await asyncio.sleep(0)
            assert bodies._held_bytes == 0

    asyncio.run(main())


def test_when_all_that_is_held_is_still_arriving_the_oldest_goes_on() -> None:
    async def main() -> None:
        async with reader(max_held_bytes=10) as bodies:
            oldest = read(bodies, sending(b"abc", b"d", b"e", b"f", then="end"))
            others = [read(bodies, sending(b"abc", b"def", then="end")) for _ in range(3)]
            assert await asyncio.gather(oldest, *others) == [b"abcdef"] * 4

    asyncio.run(main())


def test_a_slow_upload_makes_room_for_others_and_a_small_one_need_not_wait() -> None:
    """Eight that stop after 900 of 1000 bytes, in room for 4000: a small one comes in, and so does a large one."""

    async def main() -> None:
        async with reader(max_held_bytes=4000, max_body_bytes=1000, body_timeout_s=20) as bodies:
            pieces = [b"0123456789"] * 100
            stalled = [read(bodies, sending(*pieces[:90])) for _ in range(8)]
            await asyncio.sleep(0.1)
            started = asyncio.get_running_loop().time()
            assert await read(bodies, sending(b"a", b"b", then="end")) == b"ab"
            assert await read(bodies, sending(*pieces, then="end")) == b"".join(pieces)
            assert asyncio.get_running_loop().time() - started < 12
            ended = [task.exception() for task in stalled if task.done()]
            assert ended
            assert {str(error) for error in ended} == {
                "the upload was slow while others waited for its room; try again"
            }
            for task in stalled:
                task.cancel()

    asyncio.run(main())


def test_what_connections_hold_counts_and_beyond_the_budget_who_comes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four uploads of 10 bytes that stop are all that 44 bytes hold; when some have had to leave, others come in."""
    monkeypatch.setattr("service.api.body.BUFFERED_BYTES", 10)

    async def main() -> None:
        async with reader(max_held_bytes=44, max_body_bytes=10, body_timeout_s=20) as bodies:
            stalled = [read(bodies, sending(b"a"), 10) for _ in range(4)]
            await asyncio.sleep(0.1)
            for declared in (None, 10, 2):
                with pytest.raises(OverloadError, match="uploads of more than 44 bytes are under way; try again"):
                    await read(bodies, sending(b"a", b"b", then="end"), declared)
            await asyncio.sleep(1.2)
            with pytest.raises(OverloadError):
                await read(bodies, sending(b"a", b"b", then="end"), 2)
            await asyncio.sleep(0.6)
            assert [str(task.exception()) for task in stalled if task.done()] == [
                "the upload was slow while others waited for its room; try again"
            ] * 2  # half of the room is free then
            assert await read(bodies, sending(b"a", b"b", then="end"), 10) == b"ab"
            for task in stalled:
                task.cancel()
            await asyncio.sleep(0.1)
            assert bodies._held_bytes == 0

    asyncio.run(main())


def test_work_ends_with_the_client() -> None:
    async def leaving() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def main() -> None:
        assert await until_left(sending(), asyncio.sleep(0, "done")) == "done"
        work = asyncio.get_running_loop().create_future()
        with pytest.raises(ClientDisconnect):
            await until_left(leaving, work)
        assert work.cancelled()

    asyncio.run(main())


def test_work_that_ends_with_the_client_is_not_logged() -> None:
    async def leaving() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def main() -> list[dict[str, Any]]:
        logged: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: logged.append(context))
        with pytest.raises(ClientDisconnect):
            await until_left(leaving, asyncio.gather(loop.create_future(), loop.create_future()))
        await asyncio.sleep(0.01)
        gc.collect()
        return logged

    assert asyncio.run(main()) == []


def test_a_task_that_serves_several_requests_holds_the_last_one_s_body() -> None:
    """As a host may that answers a connection's requests in one task."""

    async def main() -> None:
        async with reader() as bodies:

            async def serve_connection() -> None:
                for _ in range(3):
                    assert await bodies.read({"headers": []}, sending(b"12", b"34", then="end")) == b"1234"
                assert bodies._held_bytes == 4

            await asyncio.create_task(serve_connection())
            await asyncio.sleep(0)
            assert bodies._held_bytes == 0

    asyncio.run(main())
