"""What an episode changes, collected decision by decision."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions_host.durable.clock import to_us
from functions_host.durable.decisions import (
    CreateSubOrchestration,
    CreateTimer,
    Decision,
    ScheduleTask,
    SendEvent,
)
from functions_host.durable.events import Event, EventType, compact, event, wire_time
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
    """How an orchestration ended; `output` is JSON text, or plain text unless it completed."""

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
    )


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
        """What was decided is in the history and on its way."""
        instance, now = self._instance, self._now
        match decision:
            case ScheduleTask():
                self.events.append(_task_scheduled(decision, now))
                self.tasks.append(
                    ActivityTask(
                        row_id=next(self._row_ids),
                        instance_id=instance.instance_id,
                        execution_id=instance.execution_id,
                        task_id=decision.number,
                        name=decision.name,
                        payload=decision.payload,
                    )
                )
            case CreateTimer():
                self.events.append(_timer_created(decision, now))
                self.timers.append(
                    Timer(
                        instance_id=instance.instance_id,
                        execution_id=instance.execution_id,
                        timer_id=decision.number,
                        fire_us=to_us(decision.fire_at),
                    )
                )
            case CreateSubOrchestration():
                self.events.append(_child_created(decision, now))
                self.children.append(self._child(decision))
            case SendEvent():
                self.events.append(_event_sent(decision, now))
                self.messages.append(self._signal(decision))

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
        )
        message = Message(
            message_id=next(self._row_ids),
            target_id=child.instance_id,
            execution_id=child.execution_id,
            event=started_event(child, now),
        )
        return CreateInstance(instance=child, message=message)

    def _signal(self, decision: SendEvent) -> Message:
        raised = event(EventType.EVENT_RAISED, self._now, Name=decision.name, Input=decision.body)
        return Message(
            message_id=next(self._row_ids),
            target_id=decision.target_id,
            execution_id=None,
            event=raised,
        )

    def end(self, ending: Ending) -> None:
        """The end is in the history, and a parent is told of it."""
        self.events.append(_completed(self._now, ending))
        parent = self._instance.parent
        if parent is None:
            return
        if ending.status is Status.COMPLETED:
            answer = event(
                EventType.SUB_ORCHESTRATION_COMPLETED,
                self._now,
                TaskScheduledId=parent.task_id,
                Result=ending.output,
            )
        else:
            answer = event(
                EventType.SUB_ORCHESTRATION_FAILED,
                self._now,
                TaskScheduledId=parent.task_id,
                Reason=ending.output,
                Details=ending.details,
                FailureDetails=None,
            )
        self.messages.append(
            Message(
                message_id=next(self._row_ids),
                target_id=parent.instance_id,
                execution_id=parent.execution_id,
                event=answer,
            )
        )


def _completed(now: datetime, ending: Ending) -> Event:
    fields: dict[str, Any] = {"OrchestrationStatus": ending.status.value, "Result": ending.output}
    if ending.details is not None:
        fields["Details"] = ending.details
    return event(EventType.EXECUTION_COMPLETED, now, **fields)


def _task_scheduled(decision: ScheduleTask, now: datetime) -> Event:
    return event(
        EventType.TASK_SCHEDULED,
        now,
        event_id=decision.number,
        Name=decision.name,
        Version="",
        Input=compact([decision.payload]),
    )


def _timer_created(decision: CreateTimer, now: datetime) -> Event:
    return event(
        EventType.TIMER_CREATED,
        now,
        event_id=decision.number,
        FireAt=wire_time(decision.fire_at),
    )


def _child_created(decision: CreateSubOrchestration, now: datetime) -> Event:
    return event(
        EventType.SUB_ORCHESTRATION_CREATED,
        now,
        event_id=decision.number,
        Name=decision.name,
        Version=decision.version,
        InstanceId=decision.child_id,
        Input=compact(decision.payload),
    )


def _event_sent(decision: SendEvent, now: datetime) -> Event:
    return event(
        EventType.EVENT_SENT,
        now,
        event_id=decision.number,
        InstanceId=decision.target_id,
        Name=decision.name,
        Input=decision.body,
    )
