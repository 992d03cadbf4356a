"""A failed instance's history, rewritten so that what failed is tried again.

Source: DurableTask.AzureStorage, `RewindHistoryAsync`: failures and what they failed become generic
events, and the end of the execution goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions_host.durable.events import Event, EventType, compact

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILURES = {
    EventType.TASK_FAILED: EventType.TASK_SCHEDULED,
    EventType.SUB_ORCHESTRATION_FAILED: EventType.SUB_ORCHESTRATION_CREATED,
}


def rewound(history: Sequence[Event]) -> list[Event]:
    """Return the history with its failures taken back."""
    undone = {
        (_FAILURES[EventType(item.kind)], item.fields["TaskScheduledId"])
        for item in history
        if item.kind in _FAILURES
    }
    events = []
    for item in history:
        if item.kind == EventType.EXECUTION_COMPLETED:
            continue
        is_cause = (item.kind, item.fields["EventId"]) in undone
        # A failed sub-orchestration was itself rewound and answers again, so its creation stays.
        if item.kind in _FAILURES or (is_cause and item.kind == EventType.TASK_SCHEDULED):
            events.append(_generic(item))
        else:
            events.append(item)
    return events


def _generic(item: Event) -> Event:
    fields = {
        "EventId": -1,
        "EventType": int(EventType.GENERIC_EVENT),
        "Timestamp": item.fields["Timestamp"],
        "Data": f"Rewound: {EventType(item.kind).name}",
    }
    return Event(fields, compact(fields))
