"""Every container group there is: found, listed in pages, remembered when it is gone."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aci_emulator.arm_ids import Key, group_key
from aci_emulator.groups import errors
from aci_emulator.groups.history import History

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from datetime import datetime

    from aci_emulator.groups.deployment import Deployment
    from aci_emulator.groups.state import Group
    from aci_emulator.operations import Operation


@dataclass(kw_only=True)
class Entry:
    """A group, its present run, its restart and its deletion under way."""

    group: Group
    deployment: Deployment | None = None
    restart: Operation | None = None
    deletion: asyncio.Task[None] | None = None


class GroupTable:
    """The groups by resource group and name.

    Args:
        page_size: Groups on one page of a list.
    """

    def __init__(self, page_size: int) -> None:
        self._page_size = page_size
        self._entries: dict[Key, Entry] = {}
        self.history = History()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Group]:
        return (entry.group for entry in self._entries.values())

    def find(self, resource_group: str, name: str) -> Entry | None:
        """Return a group's entry, or None."""
        return self._entries.get(group_key(resource_group, name))

    def get(self, resource_group: str, name: str) -> Entry:
        """Return a group's entry.

        Raises:
            ArmError: `ResourceNotFound`.
        """
        entry = self.find(resource_group, name)
        if entry is None:
            raise errors.not_found(name, resource_group)
        return entry

    def page(self, resource_group: str | None, *, after: Key | None) -> tuple[list[Group], bool]:
        """Return a page of the groups that come after a key, and whether there are more."""
        wanted = (
            key
            for key in self._entries
            if (resource_group is None or key[0] == resource_group.lower())
            and (after is None or key > after)
        )
        keys = heapq.nsmallest(self._page_size + 1, wanted)
        page = [self._entries[key].group for key in keys[: self._page_size]]
        return page, len(keys) > self._page_size

    def holds(self, entry: Entry) -> bool:
        """Return whether a group is there and not being deleted."""
        return self._entries.get(entry.group.key) is entry and entry.deletion is None

    def named(self, name: str) -> list[Entry]:
        """Return the groups of a name, whatever their resource group."""
        return [entry for (_, known), entry in self._entries.items() if known == name.lower()]

    def add(self, entry: Entry) -> None:
        """Hold a new group."""
        self._entries[entry.group.key] = entry
        self.history.add(entry.group.record)

    def remove(self, entry: Entry, now: datetime) -> None:
        """Forget a group; its record says when."""
        if self._entries.get(entry.group.key) is entry:
            del self._entries[entry.group.key]
            entry.group.record.deleted(now)

    def clear(self) -> list[Entry]:
        """Forget every group and return them."""
        entries = list(self._entries.values())
        self._entries.clear()
        return entries
