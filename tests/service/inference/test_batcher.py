from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.errors import DeviceLostError
from service.inference.batcher import Batcher
from service.inference.model import Result
from tests.service.inference.echo import NEVER, Echo, image, make_batcher

requests = st.lists(
    st.tuples(
        st.lists(st.integers(0, 255), min_size=1, max_size=9),  # the images of one request
        st.integers(0, 3),  # turns of the loop before it
        st.booleans(),  # its client leaves at once
    ),
    max_size=12,
)


@given(requests, st.integers(1, 5), st.booleans(), st.integers(1, 3))
@settings(deadline=None, max_examples=150)
def test_batched_equals_unbatched(
    plan: list[tuple[list[int], int, bool]], max_batch: int, inline: bool, slots: int
) -> None:
    """Whatever comes together with it, a request gets the answers of its own images, or its batch's error."""

    async def ask(batcher: Batcher[NDArray[np.uint8], Result], values: list[int], leaves: bool) -> None:
        futures = batcher.submit([image(value) for value in values], NEVER)
        if leaves:
            for future in futures:
                future.cancel()
            return
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for value, answer in zip(values, answers, strict=True):
            if isinstance(answer, BaseException):
                assert str(answer) == "the device is lost"
                assert any(255 in others for others, _, _ in plan)
            else:
                assert answer[0] == value

    async def main() -> None:
        batcher = make_batcher(Echo(max_batch, slots=slots), inline=inline)
        tasks = []
        for values, turns, leaves in plan:
            for _ in range(turns):
                await asyncio.sleep(0)
            tasks.append(asyncio.create_task(ask(batcher, values, leaves)))
        await asyncio.gather(*tasks)
        await batcher.close()

    asyncio.run(main())


def test_what_waits_while_the_model_is_busy_goes_together() -> None:
    async def main() -> list[int]:
        model = Echo(max_batch=4)
        model.release.clear()
        batcher = make_batcher(model, inline=False)
        futures = batcher.submit([image(1)], NEVER)
        await asyncio.sleep(0.05)  # the first image is with the model now
        for value in range(6):
            futures += batcher.submit([image(value)], NEVER)
        model.release.set()
        await asyncio.gather(*futures)
        await batcher.close()
        return model.sizes

    assert asyncio.run(main()) == [1, 4, 2]


def test_a_model_of_two_slots_is_given_the_next_batch_while_one_runs() -> None:
    async def main() -> None:
        model = Echo(max_batch=2, delay_s=0.01, slots=2)
        model.release.clear()
        batcher = make_batcher(model)
        futures = []
        for value in range(8):
            futures += batcher.submit([image(value)], NEVER)
        await asyncio.sleep(0.05)
        assert batcher.waiting == 4  # two are in each slot
        model.release.set()
        assert [best for best, _ in await asyncio.gather(*futures)] == list(range(8))
        await batcher.close()
        assert model.sizes == [2, 2, 2, 2]
        counts = batcher.statistics.values
        assert counts[batcher.statistics._sizes[1]] == counts[batcher.statistics._runs] == 4  # of two images each

    asyncio.run(main())


def test_a_run_that_does_not_end_is_seen() -> None:
    async def main() -> None:
        model = Echo(delay_s=0.01)
        model.release.clear()
        batcher = make_batcher(model)
        (future,) = batcher.submit([image(1)], NEVER)
        assert batcher.longest_run_s == 0
        await asyncio.sleep(0.1)
        assert batcher.longest_run_s > 0.05
        model.release.set()
        await future
        assert batcher.longest_run_s == 0
        await batcher.close()

    asyncio.run(main())


def test_a_lost_device_is_told_once_for_each_batch_and_to_each_request() -> None:
    class Lost(Echo):
        def run(self, images: Sequence[NDArray[np.uint8]]) -> list[Result]:
            raise DeviceLostError("the device has failed")

    async def main(inline: bool) -> None:
        told: list[bool] = []
        batcher = make_batcher(Lost(), inline=inline, on_lost=lambda: told.append(True))
        answers = await asyncio.gather(*batcher.submit([image(1), image(2)], NEVER), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["the device has failed"] * 2
        await batcher.close()
        assert told == [True]

    asyncio.run(main(inline=True))
    asyncio.run(main(inline=False))


def test_requests_of_one_turn_of_the_loop_go_together() -> None:
    async def main() -> list[int]:
        model = Echo(max_batch=64)
        batcher = make_batcher(model)
        assert batcher.inline
        await asyncio.gather(*(batcher.submit([image(value)], NEVER)[0] for value in range(9)))
        return model.sizes

    assert asyncio.run(main()) == [9]


def test_a_slow_model_leaves_the_event_loop_free() -> None:
    async def main() -> float:
        batcher = make_batcher(Echo(delay_s=0.3))
        assert not batcher.inline
        (future,) = batcher.submit([image(1)], NEVER)
        longest = 0.0
        while not future.done():
            started = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)
        await batcher.close()
        return longest

    assert asyncio.run(main()) < 0.2


def test_images_of_clients_that_left_are_not_run() -> None:
    async def main() -> list[int]:
        model = Echo()
        model.release.clear()
        batcher = make_batcher(model, inline=False)
        batcher.submit([image(1)], NEVER)
        await asyncio.sleep(0.05)
        for future in batcher.submit([image(2)] * 3, NEVER):
            future.cancel()
        kept = batcher.submit([image(3)], NEVER)
        model.release.set()
        assert (await kept[0])[0] == 3
        await batcher.close()
        return model.sizes

    assert asyncio.run(main()) == [1, 1]


@pytest.mark.parametrize("inline", [True, False])
def test_closing_answers_what_was_accepted(inline: bool) -> None:
    async def main() -> None:
        batcher = make_batcher(Echo(delay_s=0.01), inline=inline)
        futures = batcher.submit([image(value) for value in range(10)], NEVER)
        await batcher.close()
        assert [future.result()[0] for future in futures] == list(range(10))

    asyncio.run(main())
