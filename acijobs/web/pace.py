"""Lets a job's progress be written once a second at most, however often it is told."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from acijobs.log_lines import tell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from acijobs.web.event_body import JobEvent

    Write = Callable[[JobEvent], Awaitable[None]]

INTERVAL_S = 1.0
_MOST_JOBS = 10_000


class Pace:
    """The writes of one process, by job.

    The first is made at once. What comes sooner than a second later is written when that second is
    over, the newest of each field; nobody waits for it. So the last that a job tells is always
    written, within a second, and a job that tells in a tight loop is not slowed down.

    Args:
        steady_s: A clock that nobody sets back.
        sleep: Lets so many seconds pass.
    """

    def __init__(
        self,
        steady_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._steady_s = steady_s
        self._sleep = sleep
        self._written_at: dict[str, float] = {}
        self._waiting: dict[str, JobEvent] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, job_id: str, event: JobEvent, write: Write) -> None:
        """Have this written, now or within a second; an error is raised only if it is now."""
        pause_s = self._written_at.get(job_id, -INTERVAL_S) + INTERVAL_S - self._steady_s()
        if job_id in self._waiting:
            self._waiting[job_id] = event.after(self._waiting[job_id])
        elif pause_s > 0:
            self._waiting[job_id] = event
            task = asyncio.create_task(self._write_later(job_id, pause_s, write))
            self._tasks.add(task)  # a task that nobody holds may be collected
            task.add_done_callback(self._tasks.discard)
        else:
            self._note(job_id)
            await write(event)

    async def _write_later(self, job_id: str, pause_s: float, write: Write) -> None:
        await self._sleep(pause_s)
        self._note(job_id)
        try:
            await write(self._waiting.pop(job_id))
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and a newer one may come
            name = type(error).__name__
            tell("progressLost", level=logging.WARNING, job=job_id, message=name)

    def _note(self, job_id: str) -> None:
        self._written_at.pop(job_id, None)  # last in the dictionary's order again
        self._written_at[job_id] = self._steady_s()
        while len(self._written_at) > _MOST_JOBS:
            del self._written_at[next(iter(self._written_at))]
