"""Serves every queue trigger of an app."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from functions_host.contract import UserCodeError
from functions_host.triggers.queue_listener import QueueListener

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from functions_host.hostjson import QueueSettings
    from functions_host.invoking.invoker import Call, Invoker
    from functions_host.loader.app import LoadedFunction
    from functions_host.plan import Plan


class QueuePoller:
    """Listens to every queue.

    Args:
        plan: The app.
        invoker: Calls functions.
        settings: host.json's `extensions.queues`.
    """

    def __init__(self, plan: Plan, invoker: Invoker, settings: QueueSettings) -> None:
        self._plan = plan
        self._invoker = invoker
        self._settings = settings
        self._listeners: list[QueueListener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Let messages reach their functions from now on."""
        for name, source in self._plan.queues.items():
            listener = QueueListener(
                self._plan.app.functions[name],
                source,
                self._invoker,
                self._settings,
                self._stopping,
            )
            self._listeners.append(listener)
            self._keep(listener.listen())

    async def stop(self) -> None:
        """Take no new message; those being worked on are left to the invoker's drain."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def close(self) -> None:
        """Let everything go; an unfinished message becomes visible again by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            await listener.close()

    def run_by_hand(self, function: LoadedFunction, call: Call) -> None:
        """Start the function on a message that never was on a queue."""
        self._keep(self._run(function, call))

    async def _run(self, function: LoadedFunction, call: Call) -> None:
        with contextlib.suppress(UserCodeError):  # it is in the log
            await self._invoker.invoke(function, call)

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
