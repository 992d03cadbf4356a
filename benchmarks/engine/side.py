"""One checkout served on a Durable engine, and what serving its jobs has cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.engine.hub import Hub
from benchmarks.engine.processes import cpu_seconds, engine_cpu_seconds
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send

if TYPE_CHECKING:
    from typing import Self


class Side:
    """A checkout's app, served; everything is ended at the end of the `with` block.

    Args:
        options: What is served, and how.

    Attributes:
        hub: Its jobs and instances.
        name: The name of its task hub, also a prefix for ids that no other side uses.
    """

    hub: Hub

    def __init__(self, options: EngineOptions) -> None:
        self._stack = EngineStack(options)
        self.name = self._stack.hub

    def __enter__(self) -> Self:
        self._stack.__enter__()
        self.hub = Hub(self._stack.base_url, since=time.time() - 60)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.__exit__(*exception)

    def check(self) -> None:
        """Raise if a program has ended."""
        self._stack.check()

    def spent(self) -> dict[str, float]:
        """Return what has been spent since the start, by name of the figure.

        Storage is left out when it was given: others may use it too.
        """
        cpu = engine_cpu_seconds(self._stack.engine_pid)
        spent: dict[str, float] = {}
        spent["host CPU s"] = cpu["host"]
        spent["worker CPU s"] = cpu["worker"]
        spent["ARM requests"] = int(send("GET", f"{self._stack.admin}/requests").body["total"])
        azurite = self._stack.azurite
        if azurite is not None:
            requests = azurite.requests(self.name)
            spent["storage CPU s"] = cpu_seconds(azurite.pid)
            spent["control messages"] = requests["control"]
            spent["work items"] = requests["work"]
            spent["storage requests"] = requests["all"]
        return spent
