"""History events in the extension's wire form.

An event keeps both its fields and its JSON text: histories are replayed at every episode, and
serialising each event once instead of once per episode is what keeps an episode cheap.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NO_SEQUENCE_NUMBER = -1


class EventType(IntEnum):
    """Kinds of history events. Source: DurableTask.Core, `EventType`."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC_EVENT = 17
    HISTORY_STATE = 18
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


@dataclass(frozen=True, slots=True)
class Event:
    """One history event.

    Attributes:
        fields: The wire fields, without IsPlayed.
        text: The same as a JSON object.
    """

    fields: dict[str, Any]
    text: str

    @property
    def kind(self) -> int:
        """The number of the event's type."""
        kind: int = self.fields["EventType"]
        return kind


# Made once: `json.dumps` makes one at each call that has options.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def compact(value: Any) -> str:
    """Return `value` as JSON without spaces, the way .NET stores it; lone surrogates are mended."""
    return mended(_encode(value))


def mended(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD, as .NET writes it in UTF-8."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended_json(text: str) -> str:
    """Return JSON text in which no string has a lone surrogate, escaped ones included.

    Raises:
        ValueError: a surrogate is escaped in it, and it is not JSON.
    """
    if not _ESCAPED_SURROGATE.search(text):
        return mended(text)
    plain = _encode(json.loads(text))
    whole = mended(plain)
    return text if whole is plain else whole


def wire_time(moment: datetime) -> str:
    """Return an aware UTC datetime as .NET writes it, with seven digits and a Z."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}0Z"


def event(
    kind: EventType, at: datetime, *, event_id: int = NO_SEQUENCE_NUMBER, **fields: Any
) -> Event:
    """Return a new history event of this kind."""
    body = {
        "EventId": event_id,
        "EventType": int(kind),
        "Timestamp": wire_time(at),
        **fields,
    }
    plain = _encode(body)
    text = mended(plain)
    return Event(body if text is plain else json.loads(text), text)


def parse_event(text: str) -> Event:
    """Return the event that `text` was made from."""
    return Event(json.loads(text), text)


def wire_text(events: Iterable[Event], *, is_played: bool) -> str:
    """Return the events as the inside of a JSON array, each with its IsPlayed flag."""
    tail = ',"IsPlayed":true}' if is_played else ',"IsPlayed":false}'
    return ",".join([item.text[:-1] + tail for item in events])
