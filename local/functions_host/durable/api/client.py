"""The operations on instances and entities, behind both HTTP APIs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from functions_host.durable.api.checks import require_valid_id, require_valid_key
from functions_host.durable.api.errors import (
    InstanceConflictError,
    InstanceGoneError,
    InstanceNotFoundError,
    InvalidRequestError,
    WrongStateError,
)
from functions_host.durable.api.rewinding import rewound
from functions_host.durable.clock import to_us
from functions_host.durable.events import EventType, event
from functions_host.durable.faults import EventDropped
from functions_host.durable.replay import wording
from functions_host.durable.replay.draft import new_execution_id, started_event
from functions_host.durable.running import entities
from functions_host.durable.store.records import (
    AddMessage,
    CreateInstance,
    Instance,
    Message,
    Purge,
    Rewind,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from functions_host.durable.events import Event
    from functions_host.durable.running.dispatcher import Dispatcher
    from functions_host.durable.running.parts import Parts
    from functions_host.durable.store.records import Entity, InstancePage, InstanceQuery
    from functions_host.durable.store.sqlite import SqliteStore


class DurableClient:
    """Starts, asks about and steers orchestrations and entities.

    Args:
        store: Where everything is kept.
        dispatcher: What runs the functions.
        parts: What the engine's parts share.
    """

    def __init__(self, store: SqliteStore, dispatcher: Dispatcher, parts: Parts) -> None:
        self._functions = parts.functions
        self._store = store
        self._dispatcher = dispatcher
        self._committer = dispatcher.committer
        self._clock = parts.options.clock
        self._faults = parts.faults
        self._row_ids = parts.row_ids
        self._default_version = parts.options.default_version

    async def start_new(
        self,
        name: str,
        payload: str | None,
        instance_id: str = "",
        version: str = "",
        *,
        trace_parent: str | None = None,
    ) -> str:
        """Start an instance, durably, and return its id.

        Args:
            name: The orchestrator's name.
            payload: The input as JSON text, or None.
            instance_id: The wished id; empty for a new one.
            version: The version shown to the orchestrator; empty for the default one.
            trace_parent: The `traceparent` of who asks; its activities are called with it.

        Raises:
            InvalidRequestError: there is no such orchestrator, or the id is not allowed.
            InstanceConflictError: an instance with this id is not over.
        """
        spelled = wording.own_spelling(name, self._functions.orchestrators)
        if spelled is None:
            raise InvalidRequestError(
                wording.unknown_function(name, "orchestrator", self._functions.orchestrators)
            )
        instance_id = instance_id or uuid.uuid4().hex
        require_valid_id(instance_id)
        self._committer.flush()
        self._reserve(instance_id)
        creation = self._creation(instance_id, spelled, version, payload, trace_parent)
        await self._committer.commit(creation)
        return instance_id

    def _reserve(self, instance_id: str) -> None:
        if not self._dispatcher.is_free(instance_id):
            raise InstanceConflictError(
                f"An Orchestration instance with the ID {instance_id} already exists."
            )
        self._dispatcher.creating.add(instance_id)

    def _creation(
        self,
        instance_id: str,
        name: str,
        version: str,
        payload: str | None,
        trace_parent: str | None,
    ) -> CreateInstance:
        now = self._clock.now()
        instance = Instance(
            instance_id=instance_id,
            execution_id=new_execution_id(),
            name=name,
            version=version or self._default_version,
            status=Status.PENDING,
            input=payload,
            created_us=to_us(now),
            updated_us=to_us(now),
            trace_parent=trace_parent,
        )
        started = started_event(instance, now)
        message = self._message(instance_id, started, execution_id=instance.execution_id)
        return CreateInstance(instance=instance, message=message)

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Send an event with this JSON text to an instance.

        Raises:
            InstanceNotFoundError, InstanceGoneError: nobody can receive it.
        """
        instance = self._require_running(instance_id)
        is_early = instance.status is Status.PENDING
        if is_early and self._faults.strike(EventDropped, instance.name, instance_id, name):
            return
        await self._send(instance_id, EventType.EVENT_RAISED, Name=name, Input=payload)

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an instance soon, without running its orchestrator again.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to end.
        """
        self._require_running(instance_id)
        await self._send(instance_id, EventType.EXECUTION_TERMINATED, Input=reason)

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Let an instance hold back events until it is resumed.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to suspend.
        """
        self._require_running(instance_id)
        await self._send(instance_id, EventType.EXECUTION_SUSPENDED, Reason=reason)

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Let a suspended instance go on.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to resume.
        """
        self._require_running(instance_id)
        await self._send(instance_id, EventType.EXECUTION_RESUMED, Reason=reason)

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """Run a failed instance again from before its failures, and its failed children likewise.

        Raises:
            InstanceNotFoundError: there is no such instance.
            InstanceGoneError: it ended otherwise than by failing.
            WrongStateError: it has not ended.
        """
        instance = self._require(instance_id)
        if instance.status is not Status.FAILED:
            if instance.status.is_terminal:
                raise InstanceGoneError(f"Instance {instance_id} is {instance.status}.")
            raise WrongStateError(
                "The rewind operation is only supported on failed orchestration instances."
            )
        for child in self._store.list_children(instance_id):
            is_ours = child.parent and child.parent.execution_id == instance.execution_id
            if is_ours and child.status is Status.FAILED:
                await self.rewind(child.instance_id, reason)
        now = self._clock.now()
        again = event(EventType.GENERIC_EVENT, now, Data=f"Rewound: {reason or ''}")
        message = self._message(instance_id, again, execution_id=instance.execution_id)
        change = Rewind(
            instance=replace(instance, status=Status.RUNNING, output=None, updated_us=to_us(now)),
            events=rewound(self._store.read_history(instance_id)),
            message=message,
        )
        await self._committer.commit(change)

    async def restart(self, instance_id: str, *, with_new_id: bool) -> str:
        """Start an instance's orchestrator again with the same input; return the new id.

        Raises:
            InstanceNotFoundError: there is no such instance.
            InstanceConflictError: it is not over and its id was to be kept.
            InvalidRequestError: its orchestrator is not part of the app any more.
        """
        instance = self._require(instance_id)
        return await self.start_new(
            instance.name,
            instance.input,
            "" if with_new_id else instance_id,
            instance.version,
        )

    async def purge(self, instance_ids: Sequence[str]) -> int:
        """Delete those of the instances that are over; return how many."""
        over = []
        for instance_id in instance_ids:
            instance = self.find(instance_id)
            if instance is not None and instance.status.is_terminal:
                over.append(instance_id)
        if over:
            await self._committer.commit(Purge(instance_ids=over))
        return len(over)

    def find(self, instance_id: str) -> Instance | None:
        """Return an instance, or None."""
        self._committer.flush()
        return self._store.find_instance(instance_id)

    def history(self, instance_id: str) -> list[Event]:
        """Return an instance's history."""
        self._committer.flush()
        return self._store.read_history(instance_id)

    def list_instances(self, query: InstanceQuery) -> InstancePage:
        """Return one page of instances."""
        self._committer.flush()
        return self._store.list_instances(query)

    async def wait_for_end(self, instance_id: str, timeout_s: float) -> Instance | None:
        """Return an instance once it is over, or None if that takes longer."""
        return await self._dispatcher.wait_for_end(instance_id, timeout_s)

    async def signal_entity(self, name: str, key: str, operation: str, payload: str) -> None:
        """Send an operation to an entity; `payload` is its input as JSON text.

        Raises:
            InvalidRequestError: there is no such entity function, or the key is not allowed.
        """
        self._require_entity(name, key)
        message = entities.signal_message(
            next(self._row_ids),
            entities.entity_id(name, key),
            operation,
            payload,
            self._clock.now(),
        )
        await self._committer.commit(AddMessage(message=message))

    def find_entity(self, name: str, key: str) -> Entity | None:
        """Return an entity that exists, or None.

        Raises:
            InvalidRequestError: the key is not allowed.
        """
        self._committer.flush()
        entity = self._store.find_entity(entities.entity_id(name, key))
        return entity if entity is not None and entity.exists else None

    def list_entities(self, name: str) -> list[Entity]:
        """Return the entities that exist, of one name or all."""
        self._committer.flush()
        return self._store.list_entities(name)

    def _require(self, instance_id: str) -> Instance:
        instance = self.find(instance_id)
        if instance is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        return instance

    def _require_running(self, instance_id: str) -> Instance:
        instance = self._require(instance_id)
        if instance.status.is_terminal:
            raise InstanceGoneError(f"Instance {instance_id} is {instance.status}.")
        return instance

    def _require_entity(self, name: str, key: str) -> None:
        if wording.own_spelling(name, self._functions.entities) is None:
            raise InvalidRequestError(
                wording.unknown_function(name, "entity", self._functions.entities)
            )
        require_valid_key(key)

    def _message(self, target_id: str, item: Event, *, execution_id: str | None) -> Message:
        return Message(
            message_id=next(self._row_ids),
            target_id=target_id,
            execution_id=execution_id,
            event=item,
        )

    async def _send(self, instance_id: str, kind: EventType, **fields: Any) -> None:
        item = event(kind, self._clock.now(), **fields)
        message = self._message(instance_id, item, execution_id=None)
        await self._committer.commit(AddMessage(message=message))
