"""What blocks is done in threads, of which there are enough; the event loop serves everybody else."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs import wiring
from acijobs_world import World
from job_calls import ALPINE, Calls
from log_readers import LogReaders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memory_logs import MemoryLogs
    from memory_rows import MemoryRows


@dataclass(kw_only=True)
class OffLoop(World):
    """An outside that minds where its parts are made: that may import an SDK, or wait for a thread.

    Attributes:
        is_guarded: Whether it minds now.
        on_loop: The parts that were asked for on an event loop meanwhile.
    """

    is_guarded: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_loop: list[str] = []

    def rows(self) -> MemoryRows:
        """Return the jobs' rows."""
        self._mind("rows")
        return super().rows()

    def logs(self) -> MemoryLogs:
        """Return the archive of logs."""
        self._mind("logs")
        return super().logs()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Mind what is asked for within."""
        self.is_guarded = True
        yield
        self.is_guarded = False

    def _mind(self, part: str) -> None:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            if self.is_guarded:
                self.on_loop.append(part)


async def test_no_part_is_made_on_the_event_loop_for_a_log() -> None:
    """Neither for the whole log, nor for a part, nor to see whether it is the one that is known."""
    world = OffLoop()
    api = LogReaders(world=world)
    api.run(after_s=1)
    api.write("2026-11-23T10:00:00.000000001Z one\n")
    with world.guarded():
        await api.get(tail=1)
        await api.get(offset=39, wait=1)
    api.end()
    with world.guarded():
        await api.get({"If-None-Match": (await api.get()).headers["etag"]})
        await api.get({"Range": "bytes=0-3"}, timestamps="true")
    assert world.on_loop == []


async def test_no_part_is_made_on_the_event_loop_for_a_job() -> None:
    """Started, read, listed, run again, told of."""
    calls = Calls()
    calls.world = world = OffLoop()
    with world.guarded():
        assert (await calls.post(ALPINE | {"id": "a"})).status == 202
        assert (await calls.get("a")).status == 202
        assert await calls.ids() == ["a"]
        assert (await calls.rerun("a")).status == 202
        assert (await calls.tell("a", {"progress": 0.5})).status == 202
    assert world.on_loop == []


async def test_as_many_block_at_once_as_one_process_serves() -> None:
    """By itself a loop has four threads more than the machine has cores.

    A few requests that wait for Azure would hold all of them, and with them who asks how a job is.
    """
    together = threading.Barrier(wiring.THREADS)
    wiring.outside()
    blocking = (asyncio.to_thread(together.wait, 60) for _ in range(wiring.THREADS))
    assert sorted(await asyncio.gather(*blocking)) == list(range(wiring.THREADS))
