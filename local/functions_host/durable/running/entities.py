"""One batch of an entity's operations: from messages to state and answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from functions_host.contract import UserCodeError
from functions_host.durable.clock import to_us
from functions_host.durable.events import EventType, compact, event, mended_json
from functions_host.durable.replay import wording
from functions_host.durable.store.records import CommitEntity, Entity, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from functions_host.contract import DurableFunctions

_EXCEPTION_TYPE = "System.Exception"


def entity_id(name: str, key: str) -> str:
    """Return the id under which an entity receives messages. Source: `EntityId`."""
    return f"@{name.lower()}@{key}"


def split_entity_id(text: str) -> tuple[str, str]:
    """Return the name and the key of an entity's id."""
    _, name, key = text.split("@", 2)
    return name, key


class EntityRunner:
    """Runs batches; one runner serves all threads.

    Args:
        functions: The app's functions.
        row_ids: Hands out ids of messages.
    """

    def __init__(self, functions: DurableFunctions, row_ids: Iterator[int]) -> None:
        self._functions = functions
        self._row_ids = row_ids

    def run(
        self, before: Entity | None, target_id: str, batch: Sequence[Message], now: datetime
    ) -> tuple[CommitEntity, str | None]:
        """Return what the operations change, and why the batch failed, or None; never raises."""
        try:
            return self._committed(before, target_id, batch, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this entity's alone
            text = f"Its batch cannot be recorded: {type(error).__name__}: {error}"
            return self._unchanged(before, target_id, batch, now), text

    def refused(
        self, before: Entity | None, commit: CommitEntity, error: Exception, now: datetime
    ) -> CommitEntity:
        """Return the failure of a batch that cannot be stored: each caller hears of it."""
        text = f"The entity's batch cannot be recorded: {type(error).__name__}"
        body = {"result": compact(text), "exceptionType": _EXCEPTION_TYPE}
        replies = [
            replace(
                message,
                event=event(
                    EventType.EVENT_RAISED,
                    now,
                    Name=message.event.fields["Name"],
                    Input=compact(body),
                ),
            )
            for message in commit.messages
            if not message.target_id.startswith("@")
        ]
        unchanged = self._unchanged(before, commit.entity.entity_id, (), now)
        return replace(unchanged, consumed=commit.consumed, messages=replies)

    def _unchanged(
        self, before: Entity | None, target_id: str, batch: Sequence[Message], now: datetime
    ) -> CommitEntity:
        entity = before or Entity(
            entity_id=target_id, exists=False, state=None, updated_us=to_us(now)
        )
        consumed = [message.message_id for message in batch]
        return CommitEntity(entity=entity, consumed=consumed, messages=())

    def _committed(
        self, before: Entity | None, target_id: str, batch: Sequence[Message], now: datetime
    ) -> tuple[CommitEntity, str | None]:
        operations = [json.loads(message.event.fields["Input"]) for message in batch]
        consumed = [message.message_id for message in batch]
        answer, failure = self._call(before, target_id, operations)
        entity = Entity(
            entity_id=target_id,
            exists=bool(answer["entityExists"]),
            state=answer["entityState"],
            updated_us=to_us(now),
        )
        messages = [
            self._reply(operation, result, now)
            for operation, result in zip(operations, answer["results"], strict=True)
            if operation.get("parent") and not operation.get("signal")
        ]
        messages += [self._signal(signal, now) for signal in answer.get("signals") or ()]
        return CommitEntity(entity=entity, consumed=consumed, messages=messages), failure

    def _call(
        self, before: Entity | None, target_id: str, operations: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, Any], str | None]:
        try:
            return self._run(before, target_id, operations), None
        except BaseException as error:  # noqa: BLE001 - even SystemExit must not end the thread
            return _failed_answer(before, operations, str(error)), str(error)

    def _run(
        self, before: Entity | None, target_id: str, operations: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        lowered, key = split_entity_id(target_id)
        known = self._functions.entities
        name = wording.own_spelling(lowered, known)
        if name is None:
            raise UserCodeError(wording.unknown_function(lowered, "entity", known))
        text = self._functions.run_entity(name, _batch_text(before, name, key, operations))
        answer: dict[str, Any] = json.loads(mended_json(text))
        if len(answer["results"]) != len(operations):
            raise UserCodeError(f"The entity '{name}' answered another number of operations.")
        return answer

    def _reply(self, operation: dict[str, Any], result: dict[str, Any], now: datetime) -> Message:
        body = {"result": result["result"]}
        if result["isError"]:
            body["exceptionType"] = _EXCEPTION_TYPE
        raised = event(EventType.EVENT_RAISED, now, Name=operation["id"], Input=compact(body))
        return Message(
            message_id=next(self._row_ids),
            target_id=operation["parent"],
            execution_id=operation.get("parentExecution"),
            event=raised,
        )

    def _signal(self, signal: dict[str, Any], now: datetime) -> Message:
        target = entity_id(signal["target"]["name"], signal["target"]["key"])
        return signal_message(
            next(self._row_ids), target, signal["name"], compact(signal.get("input")), now
        )


def signal_message(
    message_id: int, target_id: str, operation: str, payload: str, now: datetime
) -> Message:
    """Return a one-way operation on its way to an entity; `payload` is its input as JSON text."""
    body = {"op": operation, "signal": True, "input": payload, "id": str(message_id)}
    raised = event(EventType.EVENT_RAISED, now, Name="op", Input=compact(body))
    return Message(message_id=message_id, target_id=target_id, execution_id=None, event=raised)


def _batch_text(
    before: Entity | None, name: str, key: str, operations: Sequence[dict[str, Any]]
) -> str:
    exists = before is not None and before.exists
    return compact(
        {
            "self": {"name": name, "key": key},
            "exists": exists,
            "state": before.state if before is not None and exists else None,
            "batch": [
                {
                    "name": operation["op"],
                    "input": operation.get("input", "null"),
                    "isSignal": bool(operation.get("signal")),
                }
                for operation in operations
            ],
        }
    )


def _failed_answer(
    before: Entity | None, operations: Sequence[dict[str, Any]], text: str
) -> dict[str, Any]:
    result = {"isError": True, "result": compact(wording.truncated(text))}
    return {
        "entityExists": before is not None and before.exists,
        "entityState": before.state if before is not None else None,
        "results": [result for _ in operations],
        "signals": [],
    }
