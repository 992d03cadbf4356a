"""What is being started, so that a removal can wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_R = TypeVar("_R")


class Launches:
    """Work in flight, by group.

    A caller may be cancelled while a thread or another process is just making something for it.
    The work goes on to its end all the same, and whoever removes the group waits for that end: what
    appears after a removal would be found by nobody.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, set[asyncio.Task[object]]] = {}

    async def run(self, key: str, work: Coroutine[object, object, _R]) -> _R:
        """Return what `work` returns; when cancelled, `work` goes on without the caller."""
        task = asyncio.create_task(work)
        tasks = self._tasks.setdefault(key, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # Somebody has looked at the outcome, even when the caller has gone.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def settled(self, key: str) -> None:
        """Return when nothing of the group is in flight."""
        await asyncio.gather(*self._tasks.pop(key, set()), return_exceptions=True)
