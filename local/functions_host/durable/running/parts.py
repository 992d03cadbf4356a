"""The parts that everything moving in one engine shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from functions_host.contract import DurableFunctions
    from functions_host.durable.crash import CrashSwitch
    from functions_host.durable.faults import Faults
    from functions_host.durable.options import DurableOptions


class RowIds:
    """Hands out ids of messages and tasks; taking the next one is atomic in CPython."""

    def __init__(self) -> None:
        self._count = count(1)

    def start_after(self, used: int) -> None:
        """Hand out higher ids than `used` only."""
        self._count = count(used + 1)

    def __iter__(self) -> RowIds:
        return self

    def __next__(self) -> int:
        return next(self._count)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The app, the settings and the counters of one engine."""

    functions: DurableFunctions
    options: DurableOptions
    crash: CrashSwitch
    faults: Faults
    row_ids: RowIds = field(default_factory=RowIds)

    def now(self) -> datetime:
        """Return the engine's time."""
        return self.options.clock.now()
