from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from service.errors import ImageError, OverloadError
from service.images.pool import DecoderPool
from service.images.preprocessing import GREY, Target
from service.images.reading import read_image
from tests.service.conftest import png_bytes

TARGET = Target(4, 4, GREY, (255, 255, 255))
PICTURE = png_bytes(np.full((10, 10), 7, np.uint8)), "a.png"


async def wait_until_free(pool: DecoderPool) -> None:
    while pool.waiting_pixels:
        await asyncio.sleep(0.001)


def test_files_are_read_in_their_order_and_a_bad_one_is_named() -> None:
    async def main() -> None:
        pool = DecoderPool(2, 1000, 1000)
        light = png_bytes(np.full((9, 9), 200, np.uint8)), "b.png"
        views = await pool.read([PICTURE, light], TARGET, read_image)
        assert [view[0, 0, 0] for view in views] == [7, 200]
        with pytest.raises(ImageError, match="^c: the file is empty"):
            await pool.read([PICTURE, (b"", "c")], TARGET, read_image)
        await wait_until_free(pool)
        pool.close()

    asyncio.run(main())


def test_what_waits_is_bounded_in_pixels_and_those_who_leave_give_their_place() -> None:
    async def main() -> None:
        pool = DecoderPool(1, 1000, 300)
        gate = threading.Event()
        blocker = asyncio.create_task(pool.run(gate.wait))
        waiting = [asyncio.create_task(pool.read([PICTURE], TARGET, read_image)) for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(OverloadError, match="^300 pixels are waiting to be decoded, at most 300 may; try again$"):
            await pool.read([PICTURE], TARGET, read_image)
        waiting.pop().cancel()
        await asyncio.sleep(0.01)
        assert pool.waiting_pixels == 200
        waiting.append(asyncio.create_task(pool.read([PICTURE], TARGET, read_image)))
        gate.set()
        assert await blocker
        assert [views[0].shape for views in await asyncio.gather(*waiting)] == [(4, 4, 1)] * 3
        await wait_until_free(pool)
        pool.close()

    asyncio.run(main())


def test_a_request_larger_than_the_queue_is_decoded_when_nothing_else_waits() -> None:
    async def main() -> None:
        pool = DecoderPool(1, 1000, 50)
        assert len(await pool.read([PICTURE], TARGET, read_image)) == 1
        pool.close()

    asyncio.run(main())


def test_nothing_more_is_decoded_for_a_client_that_has_left() -> None:
    started, gate, decoded = threading.Event(), threading.Event(), []

    def slow(data: object, name: str, *_: object) -> None:
        decoded.append(name)
        started.set()
        gate.wait()

    async def main() -> None:
        pool = DecoderPool(1, 1000, 1000)
        reading = asyncio.create_task(pool.read([(PICTURE[0], str(index)) for index in range(5)], TARGET, slow))
        await asyncio.to_thread(started.wait)
        reading.cancel()
        await asyncio.sleep(0.01)
        assert pool.waiting_pixels == 500  # the one under way cannot be stopped
        gate.set()
        await wait_until_free(pool)
        pool.close()

    asyncio.run(main())
    assert decoded == ["0"]
