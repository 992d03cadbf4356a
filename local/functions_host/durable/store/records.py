"""The records of a store, and the changes it applies; each change is atomic."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.durable.events import Event


class Status(StrEnum):
    """Runtime status of an instance, in the extension's words."""

    PENDING = "Pending"
    """Accepted; its orchestrator has not run yet."""
    RUNNING = "Running"
    """Its orchestrator ran at least once and has not ended."""
    SUSPENDED = "Suspended"
    """Running, but events wait until it is resumed."""
    COMPLETED = "Completed"
    """Its orchestrator returned."""
    FAILED = "Failed"
    """Its orchestrator raised, or contradicted its history."""
    TERMINATED = "Terminated"
    """Ended from outside."""

    @property
    def is_terminal(self) -> bool:
        """Whether an instance with this status is over."""
        return self in _TERMINAL


_TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentLink:
    """The orchestration that waits for this one, and under which sequence number."""

    instance_id: str
    execution_id: str
    name: str
    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One orchestration instance.

    Attributes:
        input: The input as JSON text, or None.
        output: The output as JSON text, a failure's or termination's plain text, or None.
        custom_status: JSON text or None.
        created_us: When it was accepted, in microseconds since 1970.
        updated_us: When it last changed, likewise.
        trace_parent: The `traceparent` that it was started with, or None.
    """

    instance_id: str
    execution_id: str
    name: str
    version: str
    status: Status
    input: str | None
    output: str | None = None
    custom_status: str | None = None
    created_us: int
    updated_us: int
    parent: ParentLink | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event on its way to an instance or entity.

    Attributes:
        message_id: Unique among the messages of a store; later messages have higher numbers.
        target_id: The receiving instance, or an entity's `@name@key`.
        execution_id: The execution it is for, or None for whichever is current.
    """

    message_id: int
    target_id: str
    execution_id: str | None
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTask:
    """An activity that was scheduled and has no result yet; `payload` is JSON text.

    Its `trace_parent` is that of its orchestration.
    """

    row_id: int
    instance_id: str
    execution_id: str
    task_id: int
    name: str
    payload: str | None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer that has not fired into a committed episode; `fire_us` is its time since 1970."""

    instance_id: str
    execution_id: str
    timer_id: int
    fire_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An entity's state as JSON text; `state` is None when it has none."""

    entity_id: str
    exists: bool
    state: str | None
    updated_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInstance:
    """A new instance and its first message; replaces an instance of the same id that is over."""

    instance: Instance
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMessage:
    """A message from outside: an event, a termination, a signal."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitEpisode:
    """All that one run of an orchestrator changed.

    Attributes:
        instance: The instance as it is afterwards (its execution id may be new).
        consumed: Ids of the messages that are now history.
        fired: Numbers of the timers that are now history.
        first_sequence: Where `events` stand in the history.
        events: The events to append; the history starts anew with them when `first_sequence` is 0.
        tasks: Activities to run.
        timers: Timers to set.
        messages: Messages to send.
        children: Sub-orchestrations to start.
    """

    instance: Instance
    consumed: Sequence[int]
    fired: Sequence[int]
    first_sequence: int
    events: Sequence[Event]
    tasks: Sequence[ActivityTask] = ()
    timers: Sequence[Timer] = ()
    messages: Sequence[Message] = ()
    children: Sequence[CreateInstance] = ()
    ends_execution: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """An activity's result: its task is gone, its message is on the way; `name` is the activity's."""

    row_id: int
    message: Message
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitEntity:
    """All that one batch of an entity changed."""

    entity: Entity
    consumed: Sequence[int]
    messages: Sequence[Message] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardMessages:
    """Messages that nobody waits for any more are gone."""

    message_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """Instances and all that belongs to them are gone."""

    instance_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind:
    """A failed instance has another history and a message that runs it again."""

    instance: Instance
    events: Sequence[Event]
    message: Message


Change = (
    CreateInstance
    | AddMessage
    | CommitEpisode
    | RecordResult
    | CommitEntity
    | DiscardMessages
    | Purge
    | Rewind
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceQuery:
    """A selection of instances, oldest first.

    Attributes:
        created_from_us: Only those created at or after.
        created_to_us: Only those created at or before.
        statuses: Only those with one of these; empty means any.
        id_prefix: Only those whose id starts so.
        after: Position of the last one already seen, from a previous page.
        limit: The most to return; None means all.
    """

    created_from_us: int | None = None
    created_to_us: int | None = None
    statuses: frozenset[Status] = frozenset()
    id_prefix: str = ""
    after: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """One page of instances, and where the next page starts (None: there is none)."""

    instances: list[Instance]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Everything under way when the store was last closed or its process died."""

    messages: list[Message] = field(default_factory=list)
    tasks: list[ActivityTask] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
