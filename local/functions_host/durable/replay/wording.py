"""The extension's own sentences, word for word, and the checks they belong to.

Source: azure-functions-durable-extension and DurableTask.Core, as named beside each.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from functions_host.durable.events import EventType, compact
from functions_host.durable.replay.decisions import (
    CreateSubOrchestration,
    CreateTimer,
    Decision,
    ScheduleTask,
    SendEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CUSTOM_STATUS_BYTES = 16 * 1024
MAX_FAILURE_CHARACTERS = 32 * 1024  # ours: lists and logs show these texts
WORKER_DIED = "WorkerProcessExitException: python exited with code 137 (0x89)"
_CHANGED = (
    "Was a change made to the orchestrator code after this instance had already started running?"
)
_ACTION_NAMES = {
    ScheduleTask: "ScheduleTaskOrchestratorAction",
    CreateTimer: "CreateTimerOrchestratorAction",
    CreateSubOrchestration: "CreateSubOrchestrationAction",
    SendEvent: "SendEventOrchestratorAction",
}


def orchestrator_failed(name: str, text: str) -> str:
    """Return a failed orchestration's output. Source: `OutOfProcOrchestrationShim`."""
    return f"Orchestrator function '{name}' failed: {truncated(text)}"


def activity_failed(name: str, text: str) -> str:
    """Return a failed activity's reason, with its two spaces. Source: `TaskActivityShim`."""
    return f"Activity function '{name}' failed:  {truncated(text)}"


def truncated(text: str) -> str:
    """Return `text`, cut where nobody reads on."""
    return text[:MAX_FAILURE_CHARACTERS]


def unknown_function(name: str, kind: str, known: Iterable[str]) -> str:
    """Return why a function cannot be called. Source: `GetInvalid*FunctionMessage`."""
    names = ", ".join(f"'{other}'" for other in sorted(known))
    hint = (
        f"The following are the known {kind} functions: {names}."
        if names
        else f"No {kind} functions are currently registered!"
    )
    return (
        f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function."
        f" Additional info: {hint}"
    )


def custom_status_problem(custom_status: Any) -> str | None:
    """Return why a custom status is refused, or None. Source: `SetCustomStatus`."""
    if custom_status is None:
        return None
    text = compact(custom_status)
    if len(text) * 4 <= MAX_CUSTOM_STATUS_BYTES:
        return None
    size = len(text.encode("utf-16-le"))
    if size <= MAX_CUSTOM_STATUS_BYTES:
        return None
    return (
        "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB."
        f" The current payload is {size / 1024:,.0f} KB."
    )


def request_id(execution_id: str, number: int) -> str:
    """Return the id of an entity request: the same at every replay of the same execution."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{execution_id}_{number}"))


def contradiction(fields: dict[str, Any], decision: Decision | None) -> str | None:
    """Return how the replay contradicts a decision in history, or None.

    Source: DurableTask.Core, `TaskOrchestrationContext.Handle*Event`.
    """
    kind, number = fields["EventType"], fields["EventId"]
    expected = _EXPECTED[kind]
    if decision is None:
        return (
            f"A previous execution of this orchestration scheduled {_described(fields, 'ID')},"
            f" but the current replay execution hasn't (yet?) scheduled this task. {_CHANGED}"
        )
    if not isinstance(decision, expected):
        return (
            f"A previous execution of this orchestration scheduled {_described(fields, 'number')},"
            " but the current orchestration replay instead produced a"
            f" {_ACTION_NAMES[type(decision)]} action with this sequence number. {_CHANGED}"
        )
    if isinstance(decision, CreateTimer):
        return None
    if str(fields["Name"]).casefold() == decision.name.casefold():
        return None
    return (
        f"A previous execution of this orchestration scheduled {_NOUNS[kind]} with sequence number"
        f" {number} named '{fields['Name']}', but the current orchestration replay instead"
        f" scheduled {_NOUNS[kind]} named '{decision.name}' with this sequence number.  {_CHANGED}"
    )


def _described(fields: dict[str, Any], word: str) -> str:
    kind, number = fields["EventType"], fields["EventId"]
    if kind == EventType.TIMER_CREATED:
        return f"a timer task with sequence number {number}"
    text = f"{_NOUNS[kind]} with sequence {word} {number} and name '{fields['Name']}'"
    if kind == EventType.TASK_SCHEDULED:
        return f"{text} (version '{fields['Version']}')"
    if kind == EventType.SUB_ORCHESTRATION_CREATED:
        return f"{text} (version '{fields['Version']}', instance ID '{fields['InstanceId']}')"
    return f"{text}, instance ID '{fields['InstanceId']}'"


_NOUNS = {
    EventType.TASK_SCHEDULED: "an activity task",
    EventType.SUB_ORCHESTRATION_CREATED: "a sub-orchestration task",
    EventType.EVENT_SENT: "a send event task",
}
_EXPECTED: dict[int, type[Decision]] = {
    EventType.TASK_SCHEDULED: ScheduleTask,
    EventType.TIMER_CREATED: CreateTimer,
    EventType.SUB_ORCHESTRATION_CREATED: CreateSubOrchestration,
    EventType.EVENT_SENT: SendEvent,
}


def own_spelling(name: str, known: frozenset[str]) -> str | None:
    """Return how the app spells a function's name, or None; names ignore case in Azure."""
    if name in known:
        return name
    lowered = name.casefold()
    return next((other for other in known if other.casefold() == lowered), None)
