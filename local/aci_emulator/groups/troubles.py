"""Makes things go wrong with a group, by the rules that struck it or by order of the admin API."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from aci_emulator.groups.deployment import Troubles

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.fault_rules import FaultRule
    from aci_emulator.groups.changes import ContainerGroups
    from aci_emulator.groups.table import Entry

_log = logging.getLogger(__name__)

ACTIONS = ("platform_restart", "evict", "repairing", "recase_tags", "vanish")


def troubles_of(rules: list[FaultRule]) -> Troubles:
    """Return what the rules mean for the deployment itself."""
    kinds = {rule.kind for rule in rules}
    return Troubles(
        capacity="capacity_async" in kinds,
        stuck="stuck_pending" in kinds,
        unstartable="unstartable" in kinds,
    )


class TroubleMaker:
    """Carries out the faults that befall a group after it was created."""

    def __init__(self, groups: ContainerGroups, clock: Clock) -> None:
        self._groups = groups
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def befall(self, entry: Entry, rules: list[FaultRule]) -> None:
        """Let rules befall a group in the background."""
        for rule in rules:
            if rule.kind in ACTIONS:
                task = asyncio.get_running_loop().create_task(self._befall_safely(entry, rule))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _befall_safely(self, entry: Entry, rule: FaultRule) -> None:
        try:
            await self._befall(entry, rule)
        except Exception:  # noqa: BLE001 - a background chore has nobody else to tell
            _log.exception("fault %s on %s failed", rule.kind, entry.group.name)

    async def _befall(self, entry: Entry, rule: FaultRule) -> None:
        await self._clock.sleep(rule.after_s)
        if rule.kind == "platform_restart":
            await self._groups.platform_restart(entry, rule.exit_code)
        elif rule.kind == "vanish":
            await self._groups.vanish(entry)
        elif rule.kind == "recase_tags":
            entry.group.recase_tags()
        elif rule.kind == "evict":
            await self._groups.take_and_return(entry)
        else:
            while self._groups.holds(entry):
                await self._groups.take_and_return(entry)
                await self._clock.sleep(max(rule.period_s, 0.01))

    async def close(self) -> None:
        """Stop making trouble."""
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
