"""The changes of an episode, collected decision by decision."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions_host.durable.clock import to_us
from functions_host.durable.events import Event, EventType, compact, event, wire_time
from functions_host.durable.replay.decisions import (
    CreateSubOrchestration,
    CreateTimer,
    Decision,
    ScheduleTask,
    SendEvent,
)
from functions_host.durable.store.records import (
    ActivityTask,
    CreateInstance,
    Instance,
    Message,
    ParentLink,
    Status,
    Timer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(slots=True)
class Ending:
    """The end of an orchestration; `output` is JSON text, or plain text unless it completed."""

    status: Status
    output: str | None
    details: str | None = None
    stack: str = ""


def started_event(instance: Instance, at: datetime) -> Event:
    """Return the ExecutionStarted event of an instance's current execution."""
    parent = instance.parent
    link = None
    if parent is not None:
        link = {
            "Name": parent.name,
            "OrchestrationInstance": {
                "InstanceId": parent.instance_id,
                "ExecutionId": parent.execution_id,
            },
            "TaskScheduleId": parent.task_id,
            "Version": "",
        }
    return event(
        EventType.EXECUTION_STARTED,
        at,
        OrchestrationInstance={
            "InstanceId": instance.instance_id,
            "ExecutionId": instance.execution_id,
        },
        ParentInstance=link,
        Name=instance.name,
        Version=instance.version,
        Input=instance.input,
        Tags=None,
        **_trace(instance.trace_parent),
    )


def _trace(trace_parent: str | None) -> dict[str, Any]:
    """Return the field of an event that says which trace it is part of; nothing without one."""
    if trace_parent is None:
        return {}
    unknown = dict.fromkeys(("TraceState", "Id", "SpanId", "ActivityStartTime"))
    return {"ParentTraceContext": {"TraceParent": trace_parent} | unknown}


def new_execution_id() -> str:
    """Return an execution id that was never used."""
    return uuid.uuid4().hex


class Draft:
    """Collects the changes of one episode.

    Args:
        instance: The instance whose episode it is.
        now: The episode's time.
        row_ids: Hands out ids of messages and tasks.
        opening: The events that the episode begins with.

    Attributes:
        events: What to append to the history.
        tasks: Activities to run.
        timers: Timers to set.
        messages: Messages to send.
        children: Sub-orchestrations to start.
    """

    def __init__(
        self, instance: Instance, now: datetime, row_ids: Iterator[int], opening: Iterable[Event]
    ) -> None:
        self._instance = instance
        self._now = now
        self._row_ids = row_ids
        self.events: list[Event] = list(opening)
        self.tasks: list[ActivityTask] = []
        self.timers: list[Timer] = []
        self.messages: list[Message] = []
        self.children: list[CreateInstance] = []

    def carry_out(self, decision: Decision) -> None:
        """Put what was decided into the history, and set it going."""
        fields: dict[str, Any]
        execution = {
            "instance_id": self._instance.instance_id,
            "execution_id": self._instance.execution_id,
        }
        match decision:
            case ScheduleTask(number, name, payload):
                fields = {"Name": name, "Version": "", "Input": compact([payload])}
                self._note(EventType.TASK_SCHEDULED, number, **fields)
                row_id = next(self._row_ids)
                trace = self._instance.trace_parent
                task = ActivityTask(
                    row_id=row_id,
                    task_id=number,
                    name=name,
                    payload=payload,
                    trace_parent=trace,
                    **execution,
                )
                self.tasks.append(task)
            case CreateTimer(number, fire_at):
                self._note(EventType.TIMER_CREATED, number, FireAt=wire_time(fire_at))
                self.timers.append(Timer(timer_id=number, fire_us=to_us(fire_at), **execution))
            case CreateSubOrchestration(number, name, child_id, payload, version):
                fields = {"Name": name, "Version": version, "InstanceId": child_id}
                kind = EventType.SUB_ORCHESTRATION_CREATED
                self._note(kind, number, **fields, Input=compact(payload))
                self.children.append(self._child(decision))
            case SendEvent(number, target_id, name, body):
                fields = {"Name": name, "Input": body}
                self._note(EventType.EVENT_SENT, number, InstanceId=target_id, **fields)
                self._send(target_id, None, event(EventType.EVENT_RAISED, self._now, **fields))

    def _note(self, kind: EventType, number: int, **fields: Any) -> None:
        self.events.append(event(kind, self._now, event_id=number, **fields))

    def _send(self, target_id: str, execution_id: str | None, item: Event) -> None:
        self.messages.append(self._message(target_id, execution_id, item))

    def _message(self, target_id: str, execution_id: str | None, item: Event) -> Message:
        return Message(
            message_id=next(self._row_ids),
            target_id=target_id,
            execution_id=execution_id,
            event=item,
        )

    def _child(self, decision: CreateSubOrchestration) -> CreateInstance:
        instance, now = self._instance, self._now
        child = Instance(
            instance_id=decision.child_id,
            execution_id=new_execution_id(),
            name=decision.name,
            version=decision.version,
            status=Status.PENDING,
            input=compact(decision.payload),
            created_us=to_us(now),
            updated_us=to_us(now),
            parent=ParentLink(
                instance_id=instance.instance_id,
                execution_id=instance.execution_id,
                name=instance.name,
                task_id=decision.number,
            ),
            trace_parent=instance.trace_parent,
        )
        started = started_event(child, now)
        message = self._message(child.instance_id, child.execution_id, started)
        return CreateInstance(instance=child, message=message)

    def begin(self, instance: Instance, carried_over: Iterable[Event]) -> None:
        """Send a new execution its start, and the events that the old one had left over."""
        for item in (started_event(instance, self._now), *carried_over):
            self._send(instance.instance_id, instance.execution_id, item)

    def end(self, ending: Ending) -> None:
        """Put the end into the history, and tell a parent of it."""
        details: dict[str, Any] = {} if ending.details is None else {"Details": ending.details}
        self.events.append(
            event(
                EventType.EXECUTION_COMPLETED,
                self._now,
                OrchestrationStatus=ending.status.value,
                Result=ending.output,
                **details,
            )
        )
        parent = self._instance.parent
        if parent is None:
            return
        fields: dict[str, Any] = {"Result": ending.output}
        kind = EventType.SUB_ORCHESTRATION_COMPLETED
        if ending.status is not Status.COMPLETED:
            kind = EventType.SUB_ORCHESTRATION_FAILED
            fields = {"Reason": ending.output, "Details": ending.details, "FailureDetails": None}
        answer = event(kind, self._now, **{"TaskScheduledId": parent.task_id, **fields})
        self._send(parent.instance_id, parent.execution_id, answer)
