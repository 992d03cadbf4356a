"""Letters that wait for instances and entities while they are busy."""

from __future__ import annotations

from collections import deque
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
class _Inbox:
    letters: list[Letter] = field(default_factory=list)
    is_busy: bool = False


class Inboxes:
    """The letters of every receiver, and which receivers have some and are not busy."""

    def __init__(self) -> None:
        self._inboxes: dict[str, _Inbox] = {}
        self._ready: deque[str] = deque()

    @property
    def has_ready(self) -> bool:
        """Whether a receiver has letters and is not busy."""
        return bool(self._ready)

    def put(self, target_id: str, letter: Letter) -> None:
        """Add a letter for a receiver."""
        inbox = self._inboxes.get(target_id)
        if inbox is None:
            inbox = self._inboxes[target_id] = _Inbox()
        inbox.letters.append(letter)
        if not inbox.is_busy and len(inbox.letters) == 1:
            self._ready.append(target_id)

    def take(self) -> tuple[str, list[Letter]]:
        """Return the next ready receiver, which is busy now, and its letters."""
        target_id = self._ready.popleft()
        return target_id, self.empty(target_id)

    def empty(self, target_id: str) -> list[Letter]:
        """Return the letters of a receiver, which is busy now."""
        inbox = self._inboxes[target_id]
        inbox.is_busy = True
        letters, inbox.letters = inbox.letters, []
        return letters

    def release(self, target_id: str) -> None:
        """Let a receiver be ready for what has come meanwhile."""
        inbox = self._inboxes[target_id]
        inbox.is_busy = False
        if inbox.letters:
            self._ready.append(target_id)
        else:
            del self._inboxes[target_id]


def in_order(letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters with the start of the execution first, else as they arrived."""
    starts = [one for one in letters if one.event.kind == EventType.EXECUTION_STARTED]
    if not starts or letters[0] is starts[0]:
        return letters
    return starts + [one for one in letters if one.event.kind != EventType.EXECUTION_STARTED]
