"""Asynchronous operations: what `Azure-AsyncOperation` tells while a change is under way."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_KEPT = 20_000

Events = Callable[[], list[dict[str, Any]]]


class Operation:
    """One change under way.

    Attributes:
        status: `Pending`, then `Succeeded`, `Failed` or `Canceled`.
        error: What is shown under `error` when it failed.
    """

    def __init__(
        self,
        *,
        group: str,
        resource_group: str,
        location: str,
        started_at: datetime,
        events: Events,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.group = group
        self.resource_group = resource_group
        self.location = location
        self.started_at = started_at
        self.status = "Pending"
        self.error: dict[str, str] | None = None
        self._events = events

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far; those of an ended operation do not change any more."""
        return self._events()

    def succeed(self) -> None:
        """End well, unless it has ended already."""
        self._end("Succeeded")

    def fail(self, error: dict[str, str]) -> None:
        """End badly, unless it has ended already."""
        self._end("Failed", error)

    def cancel(self) -> None:
        """End because the group is gone, unless it has ended already."""
        error = {"code": "Canceled", "message": f"The container group '{self.group}' was deleted."}
        self._end("Canceled", error)

    def _end(self, status: str, error: dict[str, str] | None = None) -> None:
        if self.status == "Pending":
            self.status, self.error = status, error
            last = self._events()
            self._events = lambda: last  # lets go of the group, which may long be deleted


class Operations:
    """Every operation, the oldest forgotten after 20,000."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Operation] = OrderedDict()

    def add(self, operation: Operation) -> Operation:
        """Keep an operation so that it can be asked for."""
        self._by_id[operation.id] = operation
        if len(self._by_id) > _KEPT:
            self._by_id.popitem(last=False)
        return operation

    def find(self, operation_id: str) -> Operation | None:
        """Return the operation of that id, or None."""
        return self._by_id.get(operation_id)
