"""Who is let in to wait for a run, and who is refused."""

from __future__ import annotations

import asyncio
import time

import pytest

from service.errors import OverloadError
from tests.service.inference.echo import NEVER, Echo, image, make_batcher


def test_who_would_wait_too_long_is_refused_with_the_time_after_which_to_come_again() -> None:
    async def main() -> None:
        model = Echo(max_batch=1, slots=1)
        model.batch_s = 1.5
        model.release.clear()
        batcher = make_batcher(model, max_wait_s=0.1, inline=False)
        now = time.perf_counter_ns()
        for _ in range(3):  # one runs, and two batches may wait however long they take
            batcher.admit(now, 0, NEVER)
            batcher.submit([image(1)], NEVER)
        with pytest.raises(OverloadError) as refused:
            batcher.admit(now, 0, NEVER)
        assert str(refused.value) == "the wait is 4.5 s, at most 0.1 s are allowed; try again in 5 s"
        assert refused.value.retry_after_s == 5
        with pytest.raises(OverloadError, match="the wait is 4.7 s"):
            batcher.admit(now, 200_000_000, NEVER)  # it has waited in the line
        model.release.set()
        await batcher.close()
        batcher.admit(now, 0, NEVER)
        with pytest.raises(OverloadError, match=r"the wait is 0.2 s, .* try again in 1 s"):
            batcher.admit(now, 200_000_000, NEVER)

    asyncio.run(main())


def test_what_is_being_decoded_counts_as_waiting() -> None:
    async def main() -> None:
        model = Echo(max_batch=1)
        model.batch_s = 1.0
        batcher = make_batcher(model, inline=False)
        with batcher.promise(3), pytest.raises(OverloadError, match="the wait is 3 s"):
            batcher.admit(time.perf_counter_ns(), 0, NEVER)
        batcher.admit(time.perf_counter_ns(), 0, NEVER)
        await batcher.close()

    asyncio.run(main())


def test_the_time_of_an_image_is_measured_on_full_batches() -> None:
    async def main() -> None:
        model = Echo(max_batch=2, delay_s=0.02)
        model.batch_s = 0.002  # as it was at the start, before others used the machine
        batcher = make_batcher(model, max_wait_s=0.01, inline=False)
        for _ in range(12):
            await asyncio.gather(*batcher.submit([image(1), image(1)], NEVER))
        with batcher.promise(5), pytest.raises(OverloadError, match=r"the wait is 0.0[4-9]"):
            batcher.admit(time.perf_counter_ns(), 0, NEVER)
        await batcher.close()

    asyncio.run(main())


def test_small_batches_correct_a_time_that_was_measured_while_the_machine_stood_still() -> None:
    async def main() -> None:
        model = Echo(max_batch=2, delay_s=0.5)
        batcher = make_batcher(model, inline=False)
        await asyncio.gather(*batcher.submit([image(1), image(1)], NEVER))
        model.delay_s = 0.001
        for again in (False, True):
            now = time.perf_counter_ns()
            with batcher.promise(1):
                if again:
                    batcher.admit(now, 0, now + 50_000_000)
                else:
                    with pytest.raises(OverloadError, match="too late"):
                        batcher.admit(now, 0, now + 50_000_000)
            for _ in range(12):
                await batcher.submit([image(1)], NEVER)[0]
        await batcher.close()

    asyncio.run(main())


def test_what_cannot_be_answered_in_time_is_refused_and_what_is_late_in_the_queue_is_not_run() -> None:
    async def main() -> list[int]:
        model = Echo(max_batch=2)
        model.batch_s = 0.2
        model.release.clear()
        batcher = make_batcher(model, inline=False)
        now = time.perf_counter_ns()
        with pytest.raises(OverloadError, match="the answer would come too late; try again, or allow more time"):
            batcher.admit(now, 0, now + 90_000_000)  # one image takes 100 ms
        batcher.admit(now, 0, now + 110_000_000)
        running = batcher.submit([image(1)], NEVER)
        await asyncio.sleep(0.05)  # it is with the model now
        late, good = batcher.submit([image(2)], now), batcher.submit([image(3)], NEVER)
        model.release.set()
        with pytest.raises(OverloadError, match="the answer would have come too late"):
            await late[0]
        assert [best for best, _ in await asyncio.gather(*running, *good)] == [1, 3]
        await batcher.close()
        return model.sizes

    assert asyncio.run(main()) == [1, 1]
