"""Readers of a log who wait for its next line."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from acijobs_interleaving import accept
from acijobs_world import World
from scripted_azure import NEVER

if TYPE_CHECKING:
    from log_readers import LogReaders


async def test_storage_that_fails_during_a_wait_ends_it(readers: LogReaders) -> None:
    """With 503, for all who wait: they ask again at the same offset."""
    readers.world = World(script={"lines": 1, "end_after_s": NEVER})
    readers.run(after_s=5)
    end = (await readers.get()).next_part
    waiting = [asyncio.create_task(readers.get(wait=20, **end)) for _ in range(3)]
    await asyncio.sleep(0)
    readers.world.storage_down = True
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {503}
    readers.world.storage_down = False
    assert (await readers.get(**end)).status == 200


async def test_a_follower_that_waits_is_answered_with_the_next_line(readers: LogReaders) -> None:
    """And not before."""
    readers.run(after_s=5.5)
    first = await readers.get()
    began = readers.world.clock.current
    answer = await readers.get(wait=25, **first.next_part)
    assert answer.text == "line 2\n"
    assert (readers.world.clock.current - began).total_seconds() <= 2


async def test_a_follower_of_a_silent_job_is_answered_when_time_is_over(
    readers: LogReaders,
) -> None:
    """With nothing, and the same offset."""
    readers.world = World(script={"lines": 1, "end_after_s": NEVER})
    readers.run(after_s=60)
    first = await readers.get()
    answer = await readers.get(wait=10, **first.next_part)
    assert (answer.status, answer.text, answer.is_complete) == (200, "", False)
    assert answer.next_part == first.next_part


async def test_a_follower_that_waits_hears_of_the_end(readers: LogReaders) -> None:
    """As soon as the row is closed."""
    readers.world = World(script={"lines": 0, "end_after_s": NEVER})
    readers.run(after_s=60)
    waiting = asyncio.create_task(readers.get(wait=25, offset=0))
    await asyncio.sleep(0)
    readers.end()
    assert (await waiting).is_complete


async def test_a_follower_may_wait_before_the_job_has_begun(readers: LogReaders) -> None:
    """Its first line ends the wait."""
    accept(readers.world)
    waiting = asyncio.create_task(readers.get(wait=25))
    await asyncio.sleep(0)
    readers.world.memory_rows.rows.clear()
    readers.run(after_s=4)
    assert (await waiting).text.startswith("line 0\n")


async def test_all_who_wait_for_a_log_share_its_looks(readers: LogReaders) -> None:
    """A hundred cost what one costs."""
    readers.world = World(script={"lines": 0, "end_after_s": NEVER})
    readers.run(after_s=5)
    readers.world.azure.calls.clear()
    reads: list[int] = []
    readers.world.memory_rows.before["read"] = lambda: reads.append(1)
    answers = await asyncio.gather(*(readers.get(wait=20) for _ in range(100)))
    assert {answer.text for answer in answers} == {""}
    assert readers.world.azure.calls["read_log"] <= 60  # some begin to wait later than others
    assert len(reads) <= 100 + 60


async def test_no_more_requests_wait_than_one_process_bears(readers: LogReaders) -> None:
    """503 with Retry-After; who need not wait is answered all the same."""
    readers.world = World(script={"lines": 1, "end_after_s": NEVER})
    readers.run(after_s=5)
    readers.live.max_waiting = 3
    end = (await readers.get()).next_part
    with contextlib.ExitStack() as others:
        for number in range(3):
            assert (await readers.get(wait=1, **end)).status == 200
            others.enter_context(readers.live.waiting(f"another-{number}"))
        refused = await readers.get(wait=1, **end)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert (await readers.get(wait=5)).text == "line 0\n"
    assert (await readers.get(wait=1, **end)).status == 200


async def test_those_who_wait_for_one_job_leave_room_for_others(readers: LogReaders) -> None:
    """A link to one job must not keep those of other jobs from waiting."""
    readers.world = World(script={"lines": 1, "end_after_s": NEVER})
    readers.run(after_s=5)
    readers.live.max_waiting_of_job = 2
    end = (await readers.get()).next_part
    with readers.live.waiting("another"), readers.live.waiting("another"):
        assert (await readers.get(wait=1, **end)).status == 200
    with readers.live.waiting("j"), readers.live.waiting("j"):
        assert (await readers.get(wait=1, **end)).status == 503
