"""The extension's walk of an orchestrator's actions, event by event.

The app's orchestrator returns all its yields so far as a list of actions. The extension does not
simply schedule them: it awaits them one after the other while it replays the history, and what it
has not reached is not scheduled. This module repeats that walk, because it decides what runs.
Source: azure-functions-durable-extension, `OutOfProcOrchestrationShim` and
`DurableOrchestrationContext`; DurableTask.Core, `TaskOrchestrationContext` and `RetryInterceptor`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from functions_host.durable.events import Event, EventType, compact, mended_json
from functions_host.durable.replay import wording
from functions_host.durable.replay.actions import ActionType
from functions_host.durable.replay.decisions import (
    CreateSubOrchestration,
    CreateTimer,
    Decision,
    ScheduleTask,
    SendEvent,
)
from functions_host.durable.replay.steps import AllOf, AnyOf, Attempts, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions_host.durable.replay.actions import OrchestratorState


class WalkFailedError(Exception):
    """The orchestration fails with this message, whatever is still open."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The orchestration that walks; default ids and checks are derived from it."""

    name: str
    instance_id: str
    execution_id: str
    parent_instance_id: str | None
    orchestrators: frozenset[str]
    activities: frozenset[str]
    entities: frozenset[str]
    default_version: str = ""


@dataclass(slots=True)
class Suspension:
    """Events and decisions that a suspended orchestration holds back."""

    active: bool = False
    events: deque[Event] = field(default_factory=deque)
    decisions: dict[int, Decision] = field(default_factory=dict)


class Walk:
    """One replay of a history against the actions that the orchestrator returned for it.

    Args:
        identity: The orchestration that walks.
        state: What its orchestrator returned.
    """

    def __init__(self, identity: Identity, state: OrchestratorState) -> None:
        self._identity = identity
        self._state = state
        self._position = 0
        self._next_id = 0
        self._open: dict[int, Step] = {}
        self._decisions: dict[int, Decision] = {}
        self._waiting: dict[str, list[Step]] = {}
        self._early: dict[str, deque[str | None]] = {}
        self._suspension = Suspension()
        self._reached_end = False
        self.now = datetime.min.replace(tzinfo=UTC)
        self.next_input: str | None = None
        self.continues_as_new = False
        self.carried_over: list[Event] = []

    @property
    def name(self) -> str:
        """The orchestrator's name."""
        return self._identity.name

    @property
    def decisions(self) -> list[Decision]:
        """What this episode newly decided, by sequence number."""
        return [self._decisions[number] for number in sorted(self._decisions)]

    @property
    def is_over(self) -> bool:
        """Whether the orchestration ends now: all actions passed and nothing is open."""
        ended = self._state.is_done or self._state.error is not None
        return self._reached_end and ended and not self._open

    @property
    def is_suspended(self) -> bool:
        """Whether the history ends suspended."""
        return self._suspension.active

    def replay(self, events: Iterable[Event]) -> None:
        """Follow the history to its end.

        Raises:
            WalkFailedError: an action is not valid, or the history contradicts the actions.
        """
        for item in events:
            if item.kind == EventType.ORCHESTRATOR_STARTED:
                self.now = datetime.fromisoformat(item.fields["Timestamp"])
            else:
                self._process(item)

    def _process(self, item: Event) -> None:
        if self._suspension.active and item.kind != EventType.EXECUTION_RESUMED:
            if item.kind != EventType.EXECUTION_SUSPENDED:
                self._suspension.events.append(item)
            return
        handler = self._handlers.get(item.kind)
        if handler is not None:
            handler(self, item.fields)
        elif item.kind == EventType.EVENT_RAISED:
            self._on_event_raised(item)

    # The history's side: what happened.

    def _on_started(self, _: dict[str, Any]) -> None:
        problem = wording.custom_status_problem(self._state.custom_status)
        if problem is not None:
            raise self._failure(problem)
        self._advance()

    def _on_decided(self, fields: dict[str, Any]) -> None:
        number = fields["EventId"]
        decision = self._decisions.get(number)
        problem = wording.contradiction(fields, decision)
        if problem is not None:
            raise WalkFailedError(f"Non-Deterministic workflow detected: {problem}")
        del self._decisions[number]

    def _on_completed(self, fields: dict[str, Any]) -> None:
        self._close(fields["TaskScheduledId"], fields.get("Result"), failed=False)

    def _on_failed(self, fields: dict[str, Any]) -> None:
        self._close(fields["TaskScheduledId"], None, failed=True)

    def _on_timer_fired(self, fields: dict[str, Any]) -> None:
        self._close(fields["TimerId"], None, failed=False)

    def _close(self, number: int, result: str | None, *, failed: bool) -> None:
        step = self._open.pop(number, None)  # None: a duplicate, or a cancelled timer's late firing
        if step is not None:
            step.finish(result, failed=failed)

    def _on_event_raised(self, item: Event) -> None:
        if self.continues_as_new:
            self.carried_over.append(item)
            return
        name = item.fields["Name"]
        key = name.casefold()
        waiting = self._waiting.get(key)
        if waiting:
            waiting.pop().finish(item.fields.get("Input"))
        else:
            self._early.setdefault(key, deque()).append(item.fields.get("Input"))

    def _on_suspended(self, _: dict[str, Any]) -> None:
        self._suspension.active = True
        self._suspension.decisions.update(self._decisions)
        self._decisions.clear()

    def _on_resumed(self, _: dict[str, Any]) -> None:
        self._suspension.active = False
        self._decisions.update(self._suspension.decisions)
        self._suspension.decisions.clear()
        while self._suspension.events and not self._suspension.active:
            self._process(self._suspension.events.popleft())

    # The actions' side: what the orchestrator wants.

    def _advance(self) -> None:
        actions = self._state.actions
        while self._position < len(actions):
            step = self._begin(actions[self._position])
            self._position += 1
            if not step.is_done:
                step.then(lambda _: self._advance())
                return
        self._reached_end = True

    def _begin(self, action: dict[str, Any]) -> Step:
        kind = action["actionType"]
        begin = self._beginnings.get(kind)
        if begin is None:
            raise WalkFailedError(
                wording.orchestrator_failed(
                    self._identity.name,
                    f"Received an unexpected action type from the out-of-proc function: '{kind}'.",
                )
            )
        return begin(self, action)

    def _take_number(self) -> int:
        number = self._next_id
        self._next_id += 1
        return number

    def _decide(self, decision: Decision) -> Step:
        self._decisions[decision.number] = decision
        step = Step()
        self._open[decision.number] = step
        return step

    def _schedule_task(self, action: dict[str, Any]) -> Step:
        name, payload = action["functionName"], _payload(action)
        return self._decide(ScheduleTask(self._take_number(), name, payload))

    def create_timer(self, fire_at: datetime) -> Step:
        """Create a timer and return the step that its firing ends."""
        return self._decide(CreateTimer(self._take_number(), fire_at))

    def _create_child(self, action: dict[str, Any]) -> Step:
        number = self._take_number()
        child_id = action.get("instanceId") or f"{self._identity.execution_id}:{number}"
        return self._decide(
            CreateSubOrchestration(
                number,
                action["functionName"],
                child_id,
                _payload(action),
                action.get("version") or self._identity.default_version,
            )
        )

    def _begin_activity(self, action: dict[str, Any]) -> Step:
        self._require_known(action["functionName"], "activity", self._identity.activities)
        return self._schedule_task(action)

    def _begin_activity_with_retry(self, action: dict[str, Any]) -> Step:
        self._require_known(action["functionName"], "activity", self._identity.activities)
        return self._attempt(action, lambda: self._schedule_task(action))

    def _begin_child(self, action: dict[str, Any]) -> Step:
        self._require_valid_child(action)
        return self._create_child(action)

    def _begin_child_with_retry(self, action: dict[str, Any]) -> Step:
        self._require_valid_child(action)
        return self._attempt(action, lambda: self._create_child(action))

    def _attempt(self, action: dict[str, Any], call: Callable[[], Step]) -> Step:
        options = action["retryOptions"]
        attempts = int(options["maxNumberOfAttempts"])
        interval_ms = int(options["firstRetryIntervalInMilliseconds"])
        if attempts < 1 or interval_ms <= 0:
            raise self._failure("Value must be greater than zero (Parameter 'retryOptions')")
        return Attempts(self, call, attempts=attempts, interval_ms=interval_ms).begin()

    def _begin_timer(self, action: dict[str, Any]) -> Step:
        fire_at = datetime.fromisoformat(action["fireAt"])
        if fire_at.tzinfo is None:
            fire_at = fire_at.replace(tzinfo=UTC)
        step = self.create_timer(fire_at)
        if action.get("isCanceled"):
            # Scheduled all the same, as its number must be taken; it only stops being waited for.
            del self._open[self._next_id - 1]
            step.finish(None, failed=True)
        return step

    def _begin_event_wait(self, action: dict[str, Any]) -> Step:
        return self._wait_for(action["externalEventName"])

    def _wait_for(self, name: str) -> Step:
        key = name.casefold()
        step = Step()
        early = self._early.get(key)
        if early:
            step.finish(early.popleft())
        else:
            self._waiting.setdefault(key, []).append(step)
        return step

    def _begin_entity_call(self, action: dict[str, Any]) -> Step:
        request_id = self._send_to_entity(action, is_signal=False)
        return self._wait_for(request_id)

    def _begin_entity_signal(self, action: dict[str, Any]) -> Step:
        self._send_to_entity(action, is_signal=True)
        return Step.done()

    def _send_to_entity(self, action: dict[str, Any], *, is_signal: bool) -> str:
        self._require_known(action["instanceId"].split("@")[1], "entity", self._identity.entities)
        number = self._take_number()
        request_id = wording.request_id(self._identity.execution_id, number)
        request = {
            "op": action["operation"],
            **({"signal": True} if is_signal else {}),
            "input": compact(action.get("input")),
            "id": request_id,
            "parent": self._identity.instance_id,
            "parentExecution": self._identity.execution_id,
        }
        self._decisions[number] = SendEvent(number, action["instanceId"], "op", compact(request))
        return request_id

    def _begin_http(self, _: dict[str, Any]) -> Step:
        raise self._failure("call_http is not supported by the local host: ask in an activity.")

    def _begin_continue_as_new(self, action: dict[str, Any]) -> Step:
        self.continues_as_new = True
        self.next_input = compact(action.get("input"))
        return Step.done()

    def _begin_all(self, action: dict[str, Any]) -> Step:
        return AllOf([self._begin(child) for child in action["compoundActions"]])

    def _begin_any(self, action: dict[str, Any]) -> Step:
        return AnyOf([self._begin(child) for child in action["compoundActions"]])

    def _failure(self, text: str) -> WalkFailedError:
        return WalkFailedError(wording.orchestrator_failed(self._identity.name, text))

    def _require_known(self, name: str, kind: str, known: frozenset[str]) -> None:
        if wording.own_spelling(name, known) is None:
            raise self._failure(wording.unknown_function(name, kind, known))

    def _require_valid_child(self, action: dict[str, Any]) -> None:
        self._require_known(action["functionName"], "orchestrator", self._identity.orchestrators)
        child_id = (action.get("instanceId") or "").casefold()
        own = {self._identity.instance_id.casefold()}
        own.add((self._identity.parent_instance_id or "").casefold())
        if child_id and child_id in own:
            raise self._failure(
                "The instance ID of a sub-orchestration must be different than the instance ID"
                " of a parent orchestration."
            )
        if child_id.startswith("@"):
            raise self._failure("Orchestration instance ids must not start with @")

    _handlers: ClassVar[dict[int, Callable[[Walk, dict[str, Any]], None]]] = {
        EventType.EXECUTION_STARTED: _on_started,
        EventType.TASK_SCHEDULED: _on_decided,
        EventType.SUB_ORCHESTRATION_CREATED: _on_decided,
        EventType.TIMER_CREATED: _on_decided,
        EventType.EVENT_SENT: _on_decided,
        EventType.TASK_COMPLETED: _on_completed,
        EventType.SUB_ORCHESTRATION_COMPLETED: _on_completed,
        EventType.TASK_FAILED: _on_failed,
        EventType.SUB_ORCHESTRATION_FAILED: _on_failed,
        EventType.TIMER_FIRED: _on_timer_fired,
        EventType.EXECUTION_SUSPENDED: _on_suspended,
        EventType.EXECUTION_RESUMED: _on_resumed,
    }

    _beginnings: ClassVar[dict[int, Callable[[Walk, dict[str, Any]], Step]]] = {
        ActionType.CALL_ACTIVITY: _begin_activity,
        ActionType.CALL_ACTIVITY_WITH_RETRY: _begin_activity_with_retry,
        ActionType.CALL_SUB_ORCHESTRATOR: _begin_child,
        ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY: _begin_child_with_retry,
        ActionType.CONTINUE_AS_NEW: _begin_continue_as_new,
        ActionType.CREATE_TIMER: _begin_timer,
        ActionType.WAIT_FOR_EXTERNAL_EVENT: _begin_event_wait,
        ActionType.CALL_ENTITY: _begin_entity_call,
        ActionType.CALL_HTTP: _begin_http,
        ActionType.SIGNAL_ENTITY: _begin_entity_signal,
        ActionType.WHEN_ANY: _begin_any,
        ActionType.WHEN_ALL: _begin_all,
    }


def _payload(action: dict[str, Any]) -> Any:
    """Return an action's input, JSON text as a rule, without lone surrogates."""
    payload = action.get("input")
    try:
        return mended_json(payload) if isinstance(payload, str) else payload
    except ValueError:  # text that is no JSON is the receiver's to judge
        return payload
