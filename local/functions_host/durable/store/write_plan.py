"""Turns changes into rows, statement by statement.

Each SQLite call hands the interpreter lock around, and getting it back from a busy orchestrator
thread can take milliseconds; so a group of changes becomes one call per kind of statement. The
order of the statements is safe because what one of these changes writes, no other consumes before it
is committed; for the kinds of change where that does not hold, the store begins another plan.
"""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from functions_host.durable.store.records import (
    AddMessage,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    DiscardMessages,
    Instance,
    Message,
    Purge,
    RecordResult,
    Rewind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions_host.durable.store.records import Change

WRITE_ORDER = (
    "delete_instance",
    "delete_timers",
    "delete_history",
    "insert_instance",
    "update_instance",
    "delete_message",
    "delete_timer",
    "insert_event",
    "insert_result",
    "delete_task",
    "insert_task",
    "insert_timer",
    "insert_message",
    "put_entity",
)
"""Names of the statements, in the order in which they are executed."""


class WritePlan:
    """The rows of a group of changes.

    Attributes:
        rows: For each statement's name, what to execute it with.
    """

    def __init__(self) -> None:
        self.rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def add(self, change: Change) -> None:
        """Add the rows of `change`."""
        match change:
            case CommitEpisode():
                self._add_episode(change)
            case RecordResult():
                self._add_result(change)
            case CreateInstance():
                self._add_instance(change)
            case AddMessage():
                self._add_messages([change.message])
            case CommitEntity():
                self._add_entity(change)
            case DiscardMessages():
                self._consume(change.message_ids)
            case Purge():
                for instance_id in change.instance_ids:
                    self._delete(instance_id)
            case Rewind():
                self._add_rewind(change)

    def _add_instance(self, change: CreateInstance) -> None:
        self._delete(change.instance.instance_id)
        self.rows["insert_instance"].append(_instance_row(change.instance))
        self._add_messages([change.message])

    def _delete(self, instance_id: str) -> None:
        for name in ("delete_instance", "delete_timers", "delete_history"):
            self.rows[name].append((instance_id,))

    def _consume(self, message_ids: Iterable[int]) -> None:
        self.rows["delete_message"].extend((message_id,) for message_id in message_ids)

    def _add_messages(self, messages: Iterable[Message]) -> None:
        self.rows["insert_message"].extend(map(_message_row, messages))

    def _add_result(self, change: RecordResult) -> None:
        self.rows["insert_result"].append((*_message_row(change.message), change.row_id))
        self.rows["delete_task"].append((change.row_id,))

    def _add_entity(self, change: CommitEntity) -> None:
        entity = change.entity
        row = (entity.entity_id, entity.exists, entity.state, entity.updated_us)
        self.rows["put_entity"].append(row)
        self._consume(change.consumed)
        self._add_messages(change.messages)

    def _add_rewind(self, change: Rewind) -> None:
        self._update(change.instance)
        self.rows["delete_history"].append((change.instance.instance_id,))
        self._append(change.instance.instance_id, 0, change.events)
        self._add_messages([change.message])

    def _add_episode(self, change: CommitEpisode) -> None:
        instance_id = change.instance.instance_id
        rows = self.rows
        self._update(change.instance)
        self._consume(change.consumed)
        if change.ends_execution:
            rows["delete_timers"].append((instance_id,))
        if change.first_sequence == 0:
            rows["delete_history"].append((instance_id,))
        rows["delete_timer"].extend((instance_id, timer_id) for timer_id in change.fired)
        self._append(instance_id, change.first_sequence, change.events)
        rows["insert_task"].extend(map(_task_row, change.tasks))
        rows["insert_timer"].extend(map(_timer_row, change.timers))
        for child in change.children:
            self._add_instance(child)
        self._add_messages(change.messages)

    def _append(self, instance_id: str, first: int, events: Iterable[Any]) -> None:
        self.rows["insert_event"].extend(
            (instance_id, first + index, item.text) for index, item in enumerate(events)
        )

    def _update(self, instance: Instance) -> None:
        self.rows["update_instance"].append(_update_row(instance))


_task_row = attrgetter(
    "row_id", "instance_id", "execution_id", "task_id", "name", "payload", "trace_parent"
)
_timer_row = attrgetter("instance_id", "timer_id", "execution_id", "fire_us")
_update_row = attrgetter(
    "execution_id", "status", "input", "output", "custom_status", "updated_us", "instance_id"
)
_new_row = attrgetter(
    *("instance_id", "execution_id", "name", "version", "status", "input", "output"),
    *("custom_status", "created_us", "updated_us", "trace_parent"),
)
_parent_row = attrgetter("instance_id", "execution_id", "name", "task_id")


def _message_row(message: Message) -> tuple[Any, ...]:
    return (message.message_id, message.target_id, message.execution_id, message.event.text)


def _instance_row(instance: Instance) -> tuple[Any, ...]:
    parent = instance.parent
    link = (None, None, None, None) if parent is None else _parent_row(parent)
    return (*_new_row(instance), *link)
