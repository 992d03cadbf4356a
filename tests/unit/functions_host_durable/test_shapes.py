"""Histories as the management API shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from functions_host.durable.api.shapes import history_payload, parsed
from functions_host.durable.events import EventType, event

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = [
    event(EventType.ORCHESTRATOR_STARTED, NOW),
    event(
        EventType.EXECUTION_STARTED,
        NOW,
        OrchestrationInstance={"InstanceId": "i", "ExecutionId": "e"},
        ParentInstance=None,
        Name="O",
        Version="",
        Input='"in"',
        Tags=None,
    ),
    event(EventType.TASK_SCHEDULED, NOW, event_id=0, Name="A", Version="", Input='["1"]'),
    event(EventType.TASK_SCHEDULED, NOW, event_id=1, Name="B", Version="", Input='["2"]'),
    event(EventType.TIMER_CREATED, NOW, event_id=2, FireAt="2026-01-01T00:00:01.0000000Z"),
    event(EventType.ORCHESTRATOR_COMPLETED, NOW),
    event(EventType.TASK_COMPLETED, NOW, TaskScheduledId=0, Result='{"a":1}'),
    event(EventType.TIMER_FIRED, NOW, TimerId=2, FireAt="2026-01-01T00:00:01.0000000Z"),
]
TIME = "2026-01-01T00:00:00.0000000Z"


def test_what_was_scheduled_is_folded_into_what_became_of_it() -> None:
    """Finished activities are one item with function and times; open ones stay as scheduled."""
    assert history_payload(HISTORY, show_output=False, show_input=False) == [
        {"EventType": "ExecutionStarted", "Timestamp": TIME, "FunctionName": "O"},
        {"EventType": "TaskScheduled", "Timestamp": TIME, "Name": "B"},
        {"EventType": "TimerCreated", "Timestamp": TIME, "FireAt": "2026-01-01T00:00:01.0000000Z"},
        {
            "EventType": "TaskCompleted",
            "Timestamp": TIME,
            "ScheduledTime": TIME,
            "FunctionName": "A",
        },
        {"EventType": "TimerFired", "Timestamp": TIME, "FireAt": "2026-01-01T00:00:01.0000000Z"},
    ]


def test_inputs_and_outputs_are_shown_on_request() -> None:
    """Results are JSON values, inputs the stored text."""
    shown = history_payload(HISTORY, show_output=True, show_input=True)
    assert shown[0]["Input"] == '"in"'
    assert (shown[3]["Result"], shown[3]["Input"]) == ({"a": 1}, '["1"]')


def test_text_that_is_no_json_is_shown_as_it_is() -> None:
    """Failure texts and termination reasons are plain."""
    assert parsed("Orchestrator function 'O' failed: x") == "Orchestrator function 'O' failed: x"
    assert parsed('{"a":1}') == {"a": 1}
    assert parsed(None) is None
