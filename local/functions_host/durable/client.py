"""What clients may ask of the engine, whichever HTTP API they use.

Errors:
    ClientError
    ├── InvalidRequestError       the request can never work
    ├── InstanceNotFoundError     there is no such instance
    ├── InstanceGoneError         the instance is over
    ├── InstanceConflictError     the id belongs to an instance that is not over
    └── WrongStateError           the instance is in another state than the request needs
"""

from __future__ import annotations

import json
import unicodedata
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from functions_host.durable import entities, wording
from functions_host.durable.clock import to_us
from functions_host.durable.draft import new_execution_id, started_event
from functions_host.durable.events import EventType, compact, event
from functions_host.durable.rewinding import rewound
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

    from functions_host.contract import DurableFunctions
    from functions_host.durable.clock import Clock
    from functions_host.durable.dispatcher import Dispatcher
    from functions_host.durable.events import Event
    from functions_host.durable.store.contract import Store
    from functions_host.durable.store.records import Entity, InstancePage, InstanceQuery

MAX_INSTANCE_ID_CHARACTERS = 100


class ClientError(Exception):
    """The request was refused; the message may be shown to the caller."""


class InvalidRequestError(ClientError):
    """The request can never work."""


class InstanceNotFoundError(ClientError):
    """There is no such instance."""


class InstanceGoneError(ClientError):
    """The instance is over."""


class InstanceConflictError(ClientError):
    """The id belongs to an instance that is not over."""


class WrongStateError(ClientError):
    """The instance is in another state than the request needs."""


class DurableClient:
    """Starts, asks about and steers orchestrations and entities.

    Args:
        functions: The app's functions.
        store: An open store.
        dispatcher: What runs them.
        clock: The engine's clock.
    """

    def __init__(
        self, functions: DurableFunctions, store: Store, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self._functions = functions
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock

    async def start_new(
        self, name: str, payload: str | None, instance_id: str = "", version: str = ""
    ) -> str:
        """A new instance is durable; return its id.

        Args:
            name: The orchestrator's name.
            payload: The input as JSON text, or None.
            instance_id: The wished id; empty for a new one.
            version: The version shown to the orchestrator.

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
        _require_valid_id(instance_id)
        self._dispatcher.committer.flush()
        if not self._dispatcher.is_free(instance_id):
            raise InstanceConflictError(
                f"An Orchestration instance with the ID {instance_id} already exists."
            )
        now = self._clock.now()
        instance = Instance(
            instance_id=instance_id,
            execution_id=new_execution_id(),
            name=spelled,
            version=version,
            status=Status.PENDING,
            input=payload,
            created_us=to_us(now),
            updated_us=to_us(now),
        )
        message = self._message(
            instance_id, started_event(instance, now), execution_id=instance.execution_id
        )
        created = CreateInstance(instance=instance, message=message)
        self._dispatcher.creating.add(instance_id)
        await self._dispatcher.committer.commit(
            created, lambda: self._dispatcher.start_instance(created)
        )
        return instance_id

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """An event with this JSON text is on its way to an instance.

        Raises:
            InstanceNotFoundError, InstanceGoneError: nobody can receive it.
        """
        self._require_running(instance_id)
        raised = event(EventType.EVENT_RAISED, self._clock.now(), Name=name, Input=payload)
        await self._send(instance_id, raised)

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """An instance ends soon, without running its orchestrator again.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to end.
        """
        self._require_running(instance_id)
        ended = event(EventType.EXECUTION_TERMINATED, self._clock.now(), Input=reason)
        await self._send(instance_id, ended)

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """An instance holds back events until it is resumed.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to suspend.
        """
        self._require_running(instance_id)
        held = event(EventType.EXECUTION_SUSPENDED, self._clock.now(), Reason=reason)
        await self._send(instance_id, held)

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """A suspended instance goes on.

        Raises:
            InstanceNotFoundError, InstanceGoneError: there is nothing to resume.
        """
        self._require_running(instance_id)
        freed = event(EventType.EXECUTION_RESUMED, self._clock.now(), Reason=reason)
        await self._send(instance_id, freed)

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """A failed instance runs again from before its failures, its failed children likewise.

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

        def run_again() -> None:
            self._dispatcher.cache.drop(instance_id)
            self._dispatcher.deliver(message)

        await self._dispatcher.committer.commit(change, run_again)

    async def restart(self, instance_id: str, *, with_new_id: bool) -> str:
        """An instance's orchestrator starts again with the same input; return the new id.

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
        """Those of the instances that are over are gone; return how many."""
        over = []
        for instance_id in instance_ids:
            instance = self.find(instance_id)
            if instance is not None and instance.status.is_terminal:
                over.append(instance_id)
        if over:

            def forget() -> None:
                for instance_id in over:
                    self._dispatcher.cache.drop(instance_id)

            await self._dispatcher.committer.commit(Purge(instance_ids=over), forget)
        return len(over)

    def find(self, instance_id: str) -> Instance | None:
        """Return an instance, or None."""
        self._dispatcher.committer.flush()
        return self._store.find_instance(instance_id)

    def history(self, instance_id: str) -> list[Event]:
        """Return an instance's history."""
        self._dispatcher.committer.flush()
        return self._store.read_history(instance_id)

    def list_instances(self, query: InstanceQuery) -> InstancePage:
        """Return one page of instances."""
        self._dispatcher.committer.flush()
        return self._store.list_instances(query)

    async def wait_for_end(self, instance_id: str, timeout_s: float) -> Instance | None:
        """Return an instance once it is over, or None if that takes longer."""
        return await self._dispatcher.wait_for_end(instance_id, timeout_s)

    async def signal_entity(self, name: str, key: str, operation: str, payload: str) -> None:
        """An operation is on its way to an entity; `payload` is its input as JSON text.

        Raises:
            InvalidRequestError: there is no such entity function, or the key is not allowed.
        """
        self._require_entity(name, key)
        message = entities.signal_message(
            next(self._dispatcher.row_ids),
            entities.entity_id(name, key),
            operation,
            payload,
            self._clock.now(),
        )
        await self._dispatcher.committer.commit(
            AddMessage(message=message), lambda: self._dispatcher.deliver(message)
        )

    def find_entity(self, name: str, key: str) -> Entity | None:
        """Return an entity that exists, or None.

        Raises:
            InvalidRequestError: the key is not allowed.
        """
        self._dispatcher.committer.flush()
        entity = self._store.find_entity(entities.entity_id(name, key))
        return entity if entity is not None and entity.exists else None

    def list_entities(self, name: str) -> list[Entity]:
        """Return the entities that exist, of one name or all."""
        self._dispatcher.committer.flush()
        return self._store.list_entities(name)

    def _require(self, instance_id: str) -> Instance:
        instance = self.find(instance_id)
        if instance is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        return instance

    def _require_running(self, instance_id: str) -> None:
        instance = self._require(instance_id)
        if instance.status.is_terminal:
            raise InstanceGoneError(f"Instance {instance_id} is {instance.status}.")

    def _require_entity(self, name: str, key: str) -> None:
        if wording.own_spelling(name, self._functions.entities) is None:
            raise InvalidRequestError(
                wording.unknown_function(name, "entity", self._functions.entities)
            )
        if any(_is_invalid(character) for character in key):
            raise InvalidRequestError(
                "Entity keys must not contain /, \\, #, ?, or control characters."
            )

    def _message(self, target_id: str, item: Event, *, execution_id: str | None) -> Message:
        return Message(
            message_id=next(self._dispatcher.row_ids),
            target_id=target_id,
            execution_id=execution_id,
            event=item,
        )

    async def _send(self, instance_id: str, item: Event) -> None:
        message = self._message(instance_id, item, execution_id=None)
        await self._dispatcher.committer.commit(
            AddMessage(message=message), lambda: self._dispatcher.deliver(message)
        )


def canonical_json(text: str) -> str:
    """Return JSON text without needless spaces.

    Raises:
        InvalidRequestError: it is not JSON.
    """
    try:
        value: Any = json.loads(text)
        canonical = compact(value)
        canonical.encode("utf-8")  # a lone surrogate cannot be stored
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid JSON content") from error
    return canonical


def _require_valid_id(instance_id: str) -> None:
    if instance_id.startswith("@"):
        raise InvalidRequestError("Orchestration instance ids must not start with @.")
    if any(_is_invalid(character) for character in instance_id):
        raise InvalidRequestError(
            "Orchestration instance ids must not contain /, \\, #, ?, or control characters."
        )
    if len(instance_id) > MAX_INSTANCE_ID_CHARACTERS:
        raise InvalidRequestError(
            f"Instance ID lengths must not exceed {MAX_INSTANCE_ID_CHARACTERS} characters."
        )


def _is_invalid(character: str) -> bool:
    return character in "/\\#?" or unicodedata.category(character) in {"Cc", "Cs"}
