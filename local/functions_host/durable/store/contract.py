"""The seam between the engine and its stores.

Errors:
    StoreError
    ├── StoreInUseError      another process has the store open
    └── StoreVersionError    the store was written by a newer version of this program
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.durable.events import Event
    from functions_host.durable.store.records import (
        Backlog,
        Change,
        Entity,
        Instance,
        InstancePage,
        InstanceQuery,
    )


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


class StoreInUseError(StoreError):
    """Another process has the store open."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of this program."""


class Store(Protocol):
    """Keeps instances, histories and everything under way. Used from one thread."""

    def open(self) -> None:
        """The store is ready and belongs to this process alone.

        Raises:
            StoreInUseError: another process has it open.
            StoreVersionError: its schema is newer than this program.
        """
        ...

    def close(self) -> None:
        """The store is released; closing twice is harmless."""
        ...

    def apply(self, changes: Sequence[Change]) -> None:
        """All the changes are durable, in this order, or none is.

        A `RecordResult` whose task is gone already changes nothing.

        Raises:
            StoreError: the store could not be written.
        """
        ...

    def backlog(self) -> Backlog:
        """Return the messages, tasks and timers under way, in the order they were made."""
        ...

    def find_instance(self, instance_id: str) -> Instance | None:
        """Return an instance, or None if there is none."""
        ...

    def read_history(self, instance_id: str) -> list[Event]:
        """Return an instance's history in order; empty if it has none."""
        ...

    def list_instances(self, query: InstanceQuery) -> InstancePage:
        """Return one page of the instances that the query selects."""
        ...

    def list_children(self, instance_id: str) -> list[Instance]:
        """Return the instances whose parent is this one."""
        ...

    def find_entity(self, entity_id: str) -> Entity | None:
        """Return an entity, or None if it never had a batch."""
        ...

    def list_entities(self, name: str) -> list[Entity]:
        """Return the entities that exist, of one name, or of all if the name is empty."""
        ...
