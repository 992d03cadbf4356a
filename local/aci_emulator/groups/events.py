"""What happened to a group or a container, as the service shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(kw_only=True)
class Event:
    """One kind of thing that happened, and how often."""

    name: str
    message: str
    warning: bool
    first_at: datetime
    last_at: datetime
    count: int = 1


class EventList:
    """Events in order of first occurrence; a repeat bumps `count` and `last_at`."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}

    def add(self, name: str, message: str, now: datetime, *, warning: bool = False) -> None:
        """Record that something happened."""
        known = self._events.get((name, message))
        if known is None:
            self._events[name, message] = Event(
                name=name, message=message, warning=warning, first_at=now, last_at=now
            )
        else:
            known.count += 1
            known.last_at = now

    def reword(self, name: str, before: str, after: str) -> None:
        """Let an event say something else; one that says that already takes its occurrences."""
        known = self._events.get((name, after))
        if known is not None and (event := self._events.pop((name, before), None)):
            known.count += event.count
            known.last_at = event.last_at
        for key, event in list(self._events.items()):
            if key == (name, before):
                event.message = after
        self._events = {(e.name, e.message): e for e in self._events.values()}

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events.values())

    def __len__(self) -> int:
        return len(self._events)
