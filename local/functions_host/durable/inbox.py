"""What waits for an instance or entity while it is busy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions_host.durable.events import EventType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.durable.events import Event
    from functions_host.durable.store.records import Message, Timer


@dataclass(slots=True)
class Letter:
    """Something for an instance: a stored message, or a timer that is due."""

    execution_id: str | None
    event: Event
    message: Message | None = None
    timer: Timer | None = None


@dataclass(slots=True)
class Inbox:
    """The letters of one receiver; busy while it runs."""

    letters: list[Letter] = field(default_factory=list)
    is_busy: bool = False


def in_order(letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters with the start of the execution first, else as they arrived."""
    starts = [one for one in letters if one.event.kind == EventType.EXECUTION_STARTED]
    if not starts or letters[0] is starts[0]:
        return letters
    return starts + [one for one in letters if one.event.kind != EventType.EXECUTION_STARTED]
