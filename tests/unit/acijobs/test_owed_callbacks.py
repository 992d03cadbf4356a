"""A round's callbacks: some at a time, not for ever, and one job's trouble is not another's."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from acijobs.domain.callback.state import CallbackStatus
from acijobs.domain.errors import RowTooLargeError, StorageError, UnreadableRowError
from acijobs.domain.outcome import Outcome
from acijobs.domain.row import closed
from acijobs.usecases import owed_callbacks
from acijobs.usecases.owed_callbacks import make_owed
from acijobs_world import World
from manual_clock import START
from orchestration_runs import accept

SPEC = {"image": "alpine:3.20", "callback": {"url": "https://example.com/hook"}}
JOBS = [f"job-{number}" for number in range(12)]


@pytest.fixture
def world() -> World:
    """A world with jobs that ended, and of which nobody was told."""
    world = World()
    for job_id in JOBS:
        accept(world, job_id, SPEC)
        stored = world.memory_rows.read(job_id)
        assert stored is not None
        ended = closed(stored.row, Outcome.succeeded(), now=START)
        assert ended is not None
        world.memory_rows.swap(stored, ended)
    return world


def told(world: World) -> list[str]:
    rows = [world.memory_rows.now_of(job_id) for job_id in JOBS]
    return [r.job_id for r in rows if r.callback.status is CallbackStatus.DELIVERED]


async def test_each_is_made_once_and_three_at_a_time(world: World) -> None:
    """As many as a process sends at once."""
    lock, together, under_way, most = threading.Lock(), threading.Barrier(3), [0], [0]

    def take_time() -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait(60)
        with lock:
            under_way[0] -= 1

    world.scripted_callbacks.before = take_time
    assert await make_owed(world, JOBS, within_s=60)
    assert told(world) == JOBS
    assert len(world.scripted_callbacks.posts) == len(JOBS)
    assert most[0] == 3


async def test_receivers_that_hang_do_not_keep_the_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not reached in time is left to the next one, and that is said."""
    together, now_s = threading.Barrier(3), [0.0]

    def take_ten_seconds() -> None:
        together.wait(60)
        now_s[0] = 10

    monkeypatch.setattr(owed_callbacks, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    world.scripted_callbacks.before = take_ten_seconds
    assert not await make_owed(world, JOBS, within_s=5)
    assert len(world.scripted_callbacks.posts) == 3
    world.scripted_callbacks.before = lambda: None
    assert await make_owed(world, JOBS, within_s=60)
    assert told(world) == JOBS


@pytest.mark.parametrize(
    "error", [RuntimeError("a defect"), UnreadableRowError("broken"), RowTooLargeError("!")]
)
async def test_one_jobs_trouble_is_its_own(world: World, error: Exception) -> None:
    """The others are told."""
    read: Any = world.memory_rows.read_with_spec

    def break_one(job_id: str) -> Any:
        if job_id == JOBS[3]:
            raise error
        return read(job_id)

    world.memory_rows.read_with_spec = break_one  # type: ignore[method-assign]
    assert await make_owed(world, JOBS, within_s=60)
    assert told(world) == [job_id for job_id in JOBS if job_id != JOBS[3]]


async def test_storage_that_is_down_is_not_asked_for_each(world: World) -> None:
    """The round ends."""
    asked = []

    def fail() -> None:
        asked.append(1)
        raise StorageError("down")

    world.memory_rows.before["read_with_spec"] = fail
    with pytest.raises(StorageError):
        await make_owed(world, JOBS, within_s=60)
    assert len(asked) <= 3
