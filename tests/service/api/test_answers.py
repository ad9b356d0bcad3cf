from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from service.api.answers import release
from service.api.uploads import read_uploads
from service.errors import RequestError
from service.images.pool import DecoderPool


class Body(bytearray):
    """One that can be watched."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_what_is_refused_lets_go_of_its_body_without_the_collector(no_collector: None) -> None:
    pool = DecoderPool(1, 100, 100)

    async def refuse(body: Body) -> None:
        try:
            await pool.run(partial(read_uploads, b"multipart/form-data; boundary=x", body, "", 8))
        except RequestError as error:
            release(error)
        else:
            raise AssertionError("it is no form")

    body = Body(b"no form")
    watched = weakref.ref(body)
    asyncio.run(refuse(body))
    pool.close()
    del body
    assert watched() is None
