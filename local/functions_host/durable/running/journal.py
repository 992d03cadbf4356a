"""The log records of what ran, and the events that only the dispatcher writes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from functions_host.durable.clock import from_us
from functions_host.durable.events import EventType, event, wire_time
from functions_host.durable.running.entities import split_entity_id
from functions_host.durable.store.records import Message
from functions_host.invocation_log import log_invocation

if TYPE_CHECKING:
    from datetime import datetime

    from functions_host.durable.replay.episode import Outcome
    from functions_host.durable.running.activities import Answer
    from functions_host.durable.store.records import CommitEntity, CreateInstance, Timer

_LOG = logging.getLogger("functions_host.durable")


def episode(outcome: Outcome, duration_s: float) -> None:
    """Log one orchestrator episode, if it ran any code."""
    instance = outcome.commit.instance
    if outcome.ran:
        log_invocation(
            _LOG,
            "orchestrator",
            instance.name,
            instance_id=instance.instance_id,
            duration_s=duration_s,
            outcome=instance.status.value,
            failure=outcome.failure,
            stack=outcome.stack,
        )


def activity(answer: Answer, duration_s: float) -> None:
    """Log one activity."""
    log_invocation(
        _LOG,
        "activity",
        answer.task.name,
        instance_id=answer.task.instance_id,
        duration_s=duration_s,
        failure=answer.failure,
        stack=answer.stack,
    )


def batch(commit: CommitEntity, failure: str | None, duration_s: float) -> None:
    """Log one batch of an entity."""
    entity_id = commit.entity.entity_id
    name, _ = split_entity_id(entity_id)
    log_invocation(
        _LOG, "entity", name, instance_id=entity_id, duration_s=duration_s, failure=failure
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
