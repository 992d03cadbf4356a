"""The walk of the actions, event by event, without any app."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions_host.durable.events import Event, EventType, event
from functions_host.durable.replay.actions import OrchestratorState
from functions_host.durable.replay.decisions import (
    CreateSubOrchestration,
    CreateTimer,
    ScheduleTask,
    SendEvent,
)
from functions_host.durable.replay.walk import Identity, Walk, WalkFailedError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = Identity(
    name="O",
    instance_id="i",
    execution_id="e",
    parent_instance_id="p",
    orchestrators=frozenset({"O", "Child"}),
    activities=frozenset({"A", "B"}),
    entities=frozenset({"Counter"}),
)
STARTED = [
    event(EventType.ORCHESTRATOR_STARTED, NOW),
    event(EventType.EXECUTION_STARTED, NOW, Name="O", Version=""),
]
A = {"actionType": 0, "functionName": "A", "input": "1"}
B = {"actionType": 0, "functionName": "B", "input": "2"}
WAIT = {"actionType": 6, "externalEventName": "E", "reason": "ExternalEvent"}
TIMER = {"actionType": 5, "fireAt": "2026-01-01T01:00:00.000000Z", "isCanceled": False}
CANCELLED = {**TIMER, "isCanceled": True}


def walk(actions: list[dict[str, Any]], history: list[Event], **state: Any) -> Walk:
    walked = Walk(IDENTITY, OrchestratorState(actions=actions, is_done=False, **state))
    walked.replay([*STARTED, *history])
    return walked


def done(actions: list[dict[str, Any]], history: list[Event]) -> Walk:
    walked = Walk(IDENTITY, OrchestratorState(actions=actions, is_done=True))
    walked.replay([*STARTED, *history])
    return walked


def any_of(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": 11, "compoundActions": list(actions)}


def all_of(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": 12, "compoundActions": list(actions)}


def scheduled(number: int, name: str = "A") -> Event:
    return event(EventType.TASK_SCHEDULED, NOW, event_id=number, Name=name, Version="", Input="")


def completed(number: int, result: str | None = "1") -> Event:
    return event(EventType.TASK_COMPLETED, NOW, TaskScheduledId=number, Result=result)


def failed(number: int) -> Event:
    return event(EventType.TASK_FAILED, NOW, TaskScheduledId=number, Reason="r", Details="d")


def timer_created(number: int) -> Event:
    return event(EventType.TIMER_CREATED, NOW, event_id=number, FireAt="")


def timer_fired(number: int) -> Event:
    return event(EventType.TIMER_FIRED, NOW, TimerId=number, FireAt="")


def raised(name: str = "E", value: str = "1") -> Event:
    return event(EventType.EVENT_RAISED, NOW, Name=name, Input=value)


def test_an_action_behind_an_unpassed_one_is_not_scheduled() -> None:
    """Walking is awaiting: only the first of two activities is scheduled."""
    assert walk([A, B], []).decisions == [ScheduleTask(0, "A", "1")]
    assert walk([A, B], [scheduled(0), completed(0)]).decisions == [ScheduleTask(1, "B", "2")]


def test_a_failed_activity_passes_too() -> None:
    """The app decides what a failure means; the walk goes on."""
    assert walk([A, B], [scheduled(0), failed(0)]).decisions == [ScheduleTask(1, "B", "2")]


def test_all_waits_for_every_child_even_after_a_failure() -> None:
    """A when-all passes once all its children have ended."""
    history = [scheduled(0), scheduled(1, "B"), failed(0)]
    assert walk([all_of(A, B), A], history).decisions == []
    after = [*history, completed(1)]
    assert walk([all_of(A, B), A], after).decisions == [ScheduleTask(2, "A", "1")]


def test_any_passes_at_the_first_child() -> None:
    """The loser stays open, so the instance does not end."""
    history = [scheduled(0), scheduled(1, "B"), completed(1)]
    assert not done([any_of(A, B)], history).is_over
    assert done([any_of(A, B)], [*history, completed(0)]).is_over


def test_a_cancelled_timer_is_created_but_not_awaited() -> None:
    """It takes its number, passes at once and does not keep the instance open."""
    walked = done([any_of(CANCELLED, WAIT)], [])
    assert walked.decisions == [CreateTimer(0, NOW + timedelta(hours=1))]
    assert walked.is_over
    late = [timer_created(0), raised(), timer_fired(0)]
    assert done([any_of(CANCELLED, WAIT)], late).is_over


def test_an_uncancelled_timer_keeps_the_instance_open() -> None:
    """It ends when the timer has fired."""
    history = [timer_created(0), raised()]
    assert not done([any_of(TIMER, WAIT)], history).is_over
    assert done([any_of(TIMER, WAIT)], [*history, timer_fired(0)]).is_over


def test_a_pending_event_wait_does_not_keep_the_instance_open() -> None:
    """Waits take no number and block nothing."""
    history = [scheduled(0), completed(0)]
    assert done([any_of(A, WAIT)], history).is_over


def test_the_newest_waiter_gets_the_event() -> None:
    """Waiters of one name are a stack: the older any passes only with the second event."""
    actions = [any_of(WAIT, A), any_of(WAIT, B)]
    history = [scheduled(0), completed(0), scheduled(1, "B")]
    assert done(actions, [*history, raised(), completed(1)]).is_over
    inner = all_of(any_of(WAIT, B), WAIT)
    assert not walk([inner, A], [scheduled(0, "B"), raised()]).decisions


def test_early_events_are_taken_first_in_first_out() -> None:
    """Two waits consume two early events; a third waits."""
    history = [scheduled(0), raised(value="1"), raised(value="2"), completed(0)]
    assert done([A, WAIT, WAIT], history).is_over
    assert not done([A, WAIT, WAIT, WAIT], history).is_over


def test_event_names_ignore_case() -> None:
    """As on Azure's side; SDK 1.7 itself compares exactly."""
    assert done([WAIT], [raised("e")]).is_over


def test_retries_wait_and_end_with_the_dummy_timer() -> None:
    """Failure, wait, failure, immediate timer, and only then the action has passed."""
    retry = {
        "actionType": 1,
        "functionName": "A",
        "input": "1",
        "retryOptions": {"firstRetryIntervalInMilliseconds": 5000, "maxNumberOfAttempts": 2},
    }
    history = [scheduled(0), failed(0)]
    assert walk([retry, B], history).decisions == [CreateTimer(1, NOW + timedelta(seconds=5))]
    history += [timer_created(1), timer_fired(1), scheduled(2), failed(2)]
    assert walk([retry, B], history).decisions == [CreateTimer(3, NOW)]
    history += [timer_created(3), timer_fired(3)]
    assert walk([retry, B], history).decisions == [ScheduleTask(4, "B", "2")]


@pytest.mark.parametrize(("attempts", "interval_ms"), [(0, 1000), (3, 0), (-1, 1000), (3, -5)])
def test_impossible_retry_options_fail_the_orchestration(attempts: int, interval_ms: int) -> None:
    """As the extension refuses them."""
    options = {"firstRetryIntervalInMilliseconds": interval_ms, "maxNumberOfAttempts": attempts}
    action = {"actionType": 1, "functionName": "A", "input": "1", "retryOptions": options}
    with pytest.raises(WalkFailedError, match="must be greater than zero"):
        walk([action], [])


def test_default_child_ids_name_the_execution_and_the_number() -> None:
    """`<execution id>:<sequence number>`, unless the app chose one."""
    child = {"actionType": 2, "functionName": "Child", "input": "1", "instanceId": None}
    named = {**child, "instanceId": "mine"}
    assert walk([all_of(A, child, named)], []).decisions[1:] == [
        CreateSubOrchestration(1, "Child", "e:1", "1", ""),
        CreateSubOrchestration(2, "Child", "mine", "1", ""),
    ]


@pytest.mark.parametrize(
    ("child_id", "text"),
    [("i", "must be different"), ("P", "must be different"), ("@x@y", "must not start with @")],
)
def test_impossible_child_ids_fail_the_orchestration(child_id: str, text: str) -> None:
    """The own id, the parent's and entity ids are refused."""
    child = {"actionType": 2, "functionName": "Child", "input": "1", "instanceId": child_id}
    with pytest.raises(WalkFailedError, match=text):
        walk([child], [])


def test_entity_messages_take_numbers_and_keep_their_ids() -> None:
    """A replay sends the same request id; a signal passes at once, a call awaits its answer."""
    signal = {"actionType": 9, "instanceId": "@counter@k", "operation": "add", "input": "1"}
    call = {**signal, "actionType": 7}
    first, again = walk([signal, call], []).decisions, walk([signal, call], []).decisions
    assert [type(decision) for decision in first] == [SendEvent, SendEvent]
    assert first == again
    assert first[0] != first[1]


def test_http_calls_are_refused() -> None:
    """The local host makes none; the failure says what to do."""
    call = {"actionType": 8, "httpRequest": {"method": "GET", "uri": "http://x/"}}
    with pytest.raises(WalkFailedError, match="call_http is not supported by the local host"):
        walk([call], [])


def test_events_after_continue_as_new_are_carried_over() -> None:
    """What comes in the same episode after the decision belongs to the next execution."""
    again = {"actionType": 4, "input": '"next"'}
    walked = done([WAIT, again], [raised(value="1"), raised(value="2")])
    assert walked.continues_as_new
    assert walked.next_input == '"\\"next\\""'
    assert [item.fields["Input"] for item in walked.carried_over] == ["2"]


def test_a_suspension_holds_back_decisions_and_events() -> None:
    """Until the resumption nothing is decided; then everything is, in order."""
    suspended = event(EventType.EXECUTION_SUSPENDED, NOW, Reason="")
    resumed = event(EventType.EXECUTION_RESUMED, NOW, Reason="")
    assert walk([WAIT, A], [suspended, raised()]).decisions == []
    assert walk([WAIT, A], [suspended, raised()]).is_suspended
    resumed_walk = walk([WAIT, A], [suspended, raised(), resumed])
    assert resumed_walk.decisions == [ScheduleTask(0, "A", "1")]


@pytest.mark.parametrize(
    ("actions", "history", "text"),
    [
        ([B], [scheduled(0, "A")], "named 'A'.*instead scheduled an activity task named 'B'"),
        ([A], [scheduled(1, "A")], r"sequence ID 1 and name 'A'.*hasn't \(yet\?\) scheduled"),
        ([TIMER], [scheduled(0, "A")], "instead produced a CreateTimerOrchestratorAction"),
        ([A], [timer_created(0)], "a timer task with sequence number 0.*ScheduleTaskOrchestrator"),
    ],
)
def test_a_contradicted_history_fails_with_the_documented_words(
    actions: list[dict[str, Any]], history: list[Event], text: str
) -> None:
    """The message says what the history has and what the replay did instead."""
    with pytest.raises(WalkFailedError, match=f"^Non-Deterministic workflow detected: .*{text}"):
        walk(actions, history)


def test_duplicate_answers_are_ignored() -> None:
    """A second completion of one activity changes nothing."""
    history = [scheduled(0), completed(0), completed(0)]
    assert walk([A, B], history).decisions == [ScheduleTask(1, "B", "2")]


def test_custom_status_is_measured_in_utf_16() -> None:
    """8,190 letters and two quotes fit in 16 KB, one more does not."""
    assert walk([A], [], custom_status="x" * 8190).decisions
    with pytest.raises(WalkFailedError, match="must not exceed 16 KB"):
        walk([A], [], custom_status="x" * 8191)


def test_an_unknown_action_fails_the_orchestration() -> None:
    """The number is named."""
    with pytest.raises(WalkFailedError, match=r"unexpected action type.*'10'"):
        walk([{"actionType": 10}], [])
