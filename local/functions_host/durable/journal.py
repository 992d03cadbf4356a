"""One log record per invocation, and the events that only the dispatcher writes.

Records go to the logger `functions_host.durable` with these fields in `extra`: `function_name`,
`function_kind` (orchestrator, activity, entity), `instance_id`, `duration_s`, `outcome` and
`failure`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from functions_host.durable.clock import from_us
from functions_host.durable.entities import split_entity_id
from functions_host.durable.events import EventType, event, wire_time
from functions_host.durable.store.records import Message

if TYPE_CHECKING:
    from datetime import datetime

    from functions_host.durable.activities import Answer
    from functions_host.durable.episode import Outcome
    from functions_host.durable.store.records import CommitEntity, CreateInstance, Timer

_LOG = logging.getLogger("functions_host.durable")


def episode(outcome: Outcome, duration_s: float) -> None:
    """One orchestrator episode is on record."""
    instance = outcome.commit.instance
    if outcome.ran:
        _record(
            "orchestrator",
            instance.name,
            instance.instance_id,
            duration_s,
            outcome=instance.status.value,
            failure=outcome.failure,
            stack=outcome.stack,
        )


def activity(answer: Answer, duration_s: float) -> None:
    """One activity is on record."""
    _record(
        "activity",
        answer.task.name,
        answer.task.instance_id,
        duration_s,
        outcome="Succeeded" if answer.failure is None else "Failed",
        failure=answer.failure,
        stack=answer.stack,
    )


def batch(commit: CommitEntity, failure: str | None, duration_s: float) -> None:
    """One batch of an entity is on record."""
    name, _ = split_entity_id(commit.entity.entity_id)
    _record(
        "entity",
        name,
        commit.entity.entity_id,
        duration_s,
        outcome="Succeeded" if failure is None else "Failed",
        failure=failure,
    )


def _record(  # noqa: PLR0913 - these are the record's fields
    kind: str,
    name: str,
    instance_id: str,
    duration_s: float,
    *,
    outcome: str,
    failure: str | None,
    stack: str = "",
) -> None:
    level = logging.ERROR if failure is not None else logging.INFO
    if not _LOG.isEnabledFor(level):
        return
    text = "%s %s (%s): %s in %.1f ms"
    arguments: list[object] = [kind, name, instance_id, outcome, duration_s * 1000]
    if failure is not None:
        text += ": %s"
        arguments.append(failure)
    _LOG.log(
        level,
        text,
        *arguments,
        extra={
            "function_name": name,
            "function_kind": kind,
            "instance_id": instance_id,
            "duration_s": duration_s,
            "outcome": outcome,
            "failure": failure,
            "stack": stack,
        },
    )


def fire_at(timer: Timer) -> str:
    """Return a timer's time in wire form."""
    return wire_time(from_us(timer.fire_us))


def child_refused(child: CreateInstance, now: datetime) -> Message:
    """Return the message that tells a parent that its child's id is in use."""
    parent = child.instance.parent
    if parent is None:
        raise ValueError("only sub-orchestrations are refused this way")
    reason = (
        f"An Orchestration instance with the ID {child.instance.instance_id} already exists"
        " and is running."
    )
    answer = event(
        EventType.SUB_ORCHESTRATION_FAILED,
        now,
        TaskScheduledId=parent.task_id,
        Reason=reason,
        Details=None,
        FailureDetails=None,
    )
    return Message(
        message_id=child.message.message_id,
        target_id=parent.instance_id,
        execution_id=parent.execution_id,
        event=answer,
    )
