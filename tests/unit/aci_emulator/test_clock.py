from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aci_emulator.clock import RealClock, VirtualClock

_START = datetime(2026, 8, 1, tzinfo=UTC)


async def test_sleepers_wake_in_their_order_and_at_their_time() -> None:
    """One advance over many sleeps: each sleeper sees its own due time."""
    clock, seen = VirtualClock(_START), []

    async def sleep(delay_s: float) -> None:
        await clock.sleep(delay_s)
        seen.append((delay_s, clock.elapsed_s()))

    async with asyncio.TaskGroup() as tasks:
        for delay_s in (30, 10, 20):
            tasks.create_task(sleep(delay_s))
        await clock.advance(25)
        assert seen == [(10, 10), (20, 20)]
        await clock.advance(5)
    assert seen[-1] == (30, 30)


async def test_a_sleep_begun_within_an_advance_ends_within_it() -> None:
    """Chains of sleeps are followed, not only those that stood at the start."""
    clock = VirtualClock(_START)

    async def chain() -> float:
        for _ in range(100):
            await clock.sleep(1)
        return clock.elapsed_s()

    work = asyncio.create_task(chain())
    await clock.advance(100)
    assert work.done()
    assert await work == 100


async def test_a_cancelled_sleeper_disturbs_nobody() -> None:
    """Cancelling leaves the clock usable."""
    clock = VirtualClock(_START)
    gone = asyncio.create_task(clock.sleep(1))
    stays = asyncio.create_task(clock.sleep(2))
    await asyncio.sleep(0)
    gone.cancel()
    await clock.advance(2)
    assert stays.done()


async def test_skew_moves_the_wall_and_nothing_else() -> None:
    """`now` is ahead; `true_now` and the sleeps are not."""
    clock = VirtualClock(_START)
    clock.skew_s = 60
    assert clock.now() == _START + timedelta(seconds=60)
    assert clock.true_now() == _START
    assert clock.elapsed_s() == 0


async def test_real_time_cannot_be_advanced() -> None:
    """The real clock refuses."""
    with pytest.raises(RuntimeError, match="cannot be advanced"):
        await RealClock().advance(1)
