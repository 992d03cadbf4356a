"""What a job costs the engine, counted in histories that were recorded on Microsoft's extension."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HISTORIES = Path(__file__).resolve().parents[2] / "tests" / "replay" / "acijobs" / "histories"

_STARTED, _TASK_SCHEDULED, _TASK_COMPLETED, _TASK_FAILED = 0, 4, 5, 6
_CHILD_COMPLETED, _CHILD_FAILED = 8, 9
_TIMER_CREATED, _TIMER_FIRED, _EVENT_RAISED = 10, 11, 15
_MESSAGES = (
    *(_STARTED, _TASK_COMPLETED, _TASK_FAILED, _CHILD_COMPLETED, _CHILD_FAILED),
    *(_TIMER_FIRED, _EVENT_RAISED),
)
"""Events that came as a message of a control queue. Source: `EventType` of DurableTask.Core."""

_POLL = "CheckStatusActivity"


@dataclass(frozen=True, kw_only=True)
class EngineCost:
    """What the engine did for one job.

    Attributes:
        polls: How often the job's group was looked at.
        control_messages: Messages of control queues.
        work_items: Activities.
        actions: What Durable Task Scheduler bills: each start of an orchestration, timer and event is
            one, an activity two. Source: its billing page, learn.microsoft.com.
    """

    polls: int
    control_messages: int
    work_items: int
    actions: int


def recorded(name: str) -> EngineCost:
    """Return what the job of this recording cost.

    Of a watch that continued as new only the last generation is recorded, so recordings that count are
    of jobs too short for that.
    """
    document = json.loads((HISTORIES / f"{name}.json").read_text("utf-8"))
    events = [
        event
        for instance in document["instances"].values()
        for event in instance["context"]["history"]
    ]
    counts = Counter(event["EventType"] for event in events)
    polls = sum(e["EventType"] == _TASK_SCHEDULED and e["Name"] == _POLL for e in events)
    single = counts[_STARTED] + counts[_TIMER_CREATED] + counts[_EVENT_RAISED]
    return EngineCost(
        polls=polls,
        control_messages=sum(counts[kind] for kind in _MESSAGES),
        work_items=counts[_TASK_SCHEDULED],
        actions=single + 2 * counts[_TASK_SCHEDULED],
    )
