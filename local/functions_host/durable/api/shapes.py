"""Instances and histories in the extension's JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions_host.durable.clock import from_us
from functions_host.durable.events import EventType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.durable.events import Event
    from functions_host.durable.store.records import Instance

_SCHEDULING = {EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED}
_ENDINGS = {
    EventType.TASK_COMPLETED: EventType.TASK_SCHEDULED,
    EventType.TASK_FAILED: EventType.TASK_SCHEDULED,
    EventType.SUB_ORCHESTRATION_COMPLETED: EventType.SUB_ORCHESTRATION_CREATED,
    EventType.SUB_ORCHESTRATION_FAILED: EventType.SUB_ORCHESTRATION_CREATED,
}
_HIDDEN_KINDS = {EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED}
_HIDDEN_FIELDS = {
    *("EventId", "TaskScheduledId", "TimerId", "Version", "Result", "Tags"),
    *("OrchestrationInstance", "ParentInstance"),
}
_NAMES = {
    EventType.SUB_ORCHESTRATION_CREATED: "SubOrchestrationInstanceCreated",
    EventType.SUB_ORCHESTRATION_COMPLETED: "SubOrchestrationInstanceCompleted",
    EventType.SUB_ORCHESTRATION_FAILED: "SubOrchestrationInstanceFailed",
}


def parsed(text: str | None) -> Any:
    """Return stored text as a JSON value; text that is not JSON stays itself."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def status_payload(
    instance: Instance, *, show_input: bool, history: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return an instance as the management API shows it."""
    payload = {
        "name": instance.name,
        **({"version": instance.version} if instance.version else {}),
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.status.value,
        "input": parsed(instance.input) if show_input else None,
        "customStatus": parsed(instance.custom_status),
        "output": parsed(instance.output),
        "createdTime": seconds(instance.created_us),
        "lastUpdatedTime": seconds(instance.updated_us),
    }
    if history is not None:
        payload["historyEvents"] = history
    return payload


def history_payload(
    events: Sequence[Event], *, show_output: bool, show_input: bool
) -> list[dict[str, Any]]:
    """Return a history as the management API shows it: one item per thing that happened.

    What was scheduled is folded into what became of it. Source: `GetDurableOrchestrationStatusAsync`.
    """
    scheduled = {
        (item.kind, item.fields["EventId"]): item.fields
        for item in events
        if item.kind in _SCHEDULING
    }
    ended = {
        (_ENDINGS[EventType(item.kind)], item.fields["TaskScheduledId"])
        for item in events
        if item.kind in _ENDINGS
    }
    return [
        _history_item(item, scheduled, show_output=show_output, show_input=show_input)
        for item in events
        if item.kind not in _HIDDEN_KINDS
        and not (item.kind in _SCHEDULING and (item.kind, item.fields["EventId"]) in ended)
    ]


def _history_item(
    item: Event,
    scheduled: dict[tuple[int, int], dict[str, Any]],
    *,
    show_output: bool,
    show_input: bool,
) -> dict[str, Any]:
    kind, fields = EventType(item.kind), item.fields
    shown = {key: value for key, value in fields.items() if key not in _HIDDEN_FIELDS}
    shown["EventType"] = _event_name(kind)
    if kind is EventType.EXECUTION_STARTED:
        shown["FunctionName"] = shown.pop("Name")
    if kind in _ENDINGS:
        cause = scheduled.get((_ENDINGS[kind], fields["TaskScheduledId"]))
        if cause is not None:
            shown["ScheduledTime"], shown["FunctionName"] = cause["Timestamp"], cause["Name"]
            shown["Input"] = cause.get("Input")
    if not show_input:
        shown.pop("Input", None)
    if "Result" in fields and show_output:
        shown["Result"] = parsed(fields["Result"])
    return shown


def _event_name(kind: EventType) -> str:
    return _NAMES.get(kind) or kind.name.title().replace("_", "")


def seconds(microseconds: int) -> str:
    """Return a time as the management API writes it: whole seconds, UTC."""
    return from_us(microseconds).strftime("%Y-%m-%dT%H:%M:%SZ")
