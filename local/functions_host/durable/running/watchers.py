"""Clients that wait for an instance's end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from functions_host.durable.store.records import Instance


class Watchers:
    """The futures of those who wait, by instance."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Future[Instance]]] = {}

    async def wait(self, instance_id: str, timeout_s: float) -> Instance | None:
        """Return the instance once it has ended, or None if that takes longer."""
        watcher: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._watchers.setdefault(instance_id, set()).add(watcher)
        try:
            return await asyncio.wait_for(watcher, timeout_s)
        except TimeoutError:
            return None
        finally:
            watchers = self._watchers[instance_id]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[instance_id]

    def tell(self, instance: Instance) -> None:
        """Give an instance that has ended to whoever waits for it."""
        for watcher in self._watchers.get(instance.instance_id, ()):
            if not watcher.done():
                watcher.set_result(instance)

    def give_up(self) -> None:
        """Let every wait end without an instance."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                if not watcher.done():
                    watcher.set_exception(TimeoutError())
