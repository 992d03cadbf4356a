"""A store that forgets: the same behaviour without a file, for tests and throw-away hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions_host.durable.store.records import (
    ActivityTask,
    AddMessage,
    Backlog,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    DiscardMessages,
    Entity,
    Instance,
    InstancePage,
    InstanceQuery,
    Message,
    Purge,
    RecordResult,
    Rewind,
    Timer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from functions_host.durable.events import Event
    from functions_host.durable.store.records import Change


class MemoryStore:
    """Keeps everything in dictionaries, for as long as the object lives."""

    def __init__(self) -> None:
        self._instances: dict[str, tuple[int, Instance]] = {}
        self._histories: dict[str, list[Event]] = {}
        self._messages: dict[int, Message] = {}
        self._tasks: dict[int, ActivityTask] = {}
        self._timers: dict[tuple[str, int], Timer] = {}
        self._entities: dict[str, Entity] = {}
        self._next_position = 1

    def open(self) -> None:
        """The store is ready."""

    def close(self) -> None:
        """Nothing is lost: opening again finds everything."""

    def apply(self, changes: Sequence[Change]) -> None:
        """All the changes are in effect."""
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:  # noqa: C901 - one case per kind of change
        match change:
            case CommitEpisode():
                self._apply_episode(change)
            case RecordResult():
                if self._tasks.pop(change.row_id, None) is not None:
                    self._send([change.message])
            case CreateInstance():
                self._create(change)
            case AddMessage():
                self._send([change.message])
            case CommitEntity():
                self._entities[change.entity.entity_id] = change.entity
                self._consume(change.consumed)
                self._send(change.messages)
            case DiscardMessages():
                self._consume(change.message_ids)
            case Purge():
                for instance_id in change.instance_ids:
                    self._delete(instance_id)
            case Rewind():
                self._update(change.instance)
                self._histories[change.instance.instance_id] = list(change.events)
                self._send([change.message])

    def _create(self, change: CreateInstance) -> None:
        instance = change.instance
        self._delete(instance.instance_id)
        self._instances[instance.instance_id] = (self._next_position, instance)
        self._next_position += 1
        self._send([change.message])

    def _apply_episode(self, change: CommitEpisode) -> None:
        instance_id = change.instance.instance_id
        self._update(change.instance)
        self._consume(change.consumed)
        if change.ends_execution:
            self._drop_timers(instance_id)
        for timer_id in change.fired:
            self._timers.pop((instance_id, timer_id), None)
        if change.first_sequence == 0:
            self._histories[instance_id] = []
        self._histories.setdefault(instance_id, []).extend(change.events)
        self._tasks.update((task.row_id, task) for task in change.tasks)
        self._timers.update(((one.instance_id, one.timer_id), one) for one in change.timers)
        for child in change.children:
            self._create(child)
        self._send(change.messages)

    def _update(self, instance: Instance) -> None:
        if instance.instance_id in self._instances:
            position, _ = self._instances[instance.instance_id]
            self._instances[instance.instance_id] = (position, instance)

    def _delete(self, instance_id: str) -> None:
        self._instances.pop(instance_id, None)
        self._histories.pop(instance_id, None)
        self._drop_timers(instance_id)

    def _drop_timers(self, instance_id: str) -> None:
        self._timers = {key: one for key, one in self._timers.items() if key[0] != instance_id}

    def _send(self, messages: Iterable[Message]) -> None:
        self._messages.update((message.message_id, message) for message in messages)

    def _consume(self, message_ids: Iterable[int]) -> None:
        for message_id in message_ids:
            self._messages.pop(message_id, None)

    def backlog(self) -> Backlog:
        """Return the messages, tasks and timers under way, in the order they were made."""
        return Backlog(
            messages=[self._messages[key] for key in sorted(self._messages)],
            tasks=[self._tasks[key] for key in sorted(self._tasks)],
            timers=sorted(self._timers.values(), key=lambda timer: timer.fire_us),
        )

    def find_instance(self, instance_id: str) -> Instance | None:
        """Return an instance, or None if there is none."""
        found = self._instances.get(instance_id)
        return None if found is None else found[1]

    def read_history(self, instance_id: str) -> list[Event]:
        """Return an instance's history in order; empty if it has none."""
        return list(self._histories.get(instance_id, ()))

    def list_instances(self, query: InstanceQuery) -> InstancePage:
        """Return one page of the instances that the query selects."""
        found = [
            entry
            for entry in sorted(self._instances.values(), key=lambda entry: entry[0])
            if entry[0] > query.after and _is_selected(entry[1], query)
        ]
        shown = found if query.limit is None else found[: query.limit]
        has_more = len(shown) < len(found)
        return InstancePage(
            instances=[one for _, one in shown],
            next_after=shown[-1][0] if has_more and shown else None,
        )

    def list_children(self, instance_id: str) -> list[Instance]:
        """Return the instances whose parent is this one."""
        ordered = sorted(self._instances.values(), key=lambda entry: entry[0])
        return [one for _, one in ordered if one.parent and one.parent.instance_id == instance_id]

    def find_entity(self, entity_id: str) -> Entity | None:
        """Return an entity, or None if it never had a batch."""
        return self._entities.get(entity_id)

    def list_entities(self, name: str) -> list[Entity]:
        """Return the entities that exist, of one name, or of all if the name is empty."""
        prefix = f"@{name.lower()}@" if name else "@"
        ids = sorted(key for key in self._entities if key.startswith(prefix))
        return [self._entities[key] for key in ids if self._entities[key].exists]


def _is_selected(instance: Instance, query: InstanceQuery) -> bool:
    is_after = query.created_from_us is None or instance.created_us >= query.created_from_us
    is_before = query.created_to_us is None or instance.created_us <= query.created_to_us
    has_status = not query.statuses or instance.status in query.statuses
    return (
        is_after and is_before and has_status and instance.instance_id.startswith(query.id_prefix)
    )
