"""One run of an orchestrator: from its history and new events to what they change.

Pure but for the app's code: nothing here is remembered, so a run that never gets committed can
simply be made again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from functions_host.contract import UserCodeError
from functions_host.durable.clock import to_us
from functions_host.durable.events import Event, EventType, compact, event, mended, wire_text
from functions_host.durable.replay import wording
from functions_host.durable.replay.actions import (
    NO_STATE,
    OrchestratorState,
    carried_state,
    parse_state,
)
from functions_host.durable.replay.draft import Draft, Ending, new_execution_id
from functions_host.durable.replay.walk import Identity, Walk, WalkFailedError
from functions_host.durable.store.records import CommitEpisode, Instance, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from functions_host.contract import DurableFunctions

_CONTEXT_TAIL = (
    ',"isReplaying":false,"upperSchemaVersion":1,"upperSchemaVersionNew":3,'
    '"longRunningTimerIntervalDuration":"3.00:00:00","maximumShortTimerDuration":"6.00:00:00",'
    '"defaultHttpAsyncRequestSleepTimeMillseconds":30000}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeInput:
    """The start of an episode.

    Attributes:
        instance: The instance before it.
        past: Its history.
        past_text: The same as `wire_text(past, is_played=True)`.
        arrived: The new events, in order of arrival.
        consumed: Ids of the messages among them.
        fired: Numbers of the timers among them.
        now: The time that the episode runs at.
        is_killed: Whether the worker dies during the call, as tests may wish.
    """

    instance: Instance
    past: Sequence[Event]
    past_text: str
    arrived: Sequence[Event]
    consumed: Sequence[int]
    fired: Sequence[int]
    now: datetime
    is_killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of an episode.

    Attributes:
        commit: The change to make durable.
        ran: Whether the app's code ran (a termination runs none).
        failure: Why the orchestration failed, or None.
        stack: The Python stack of that failure, for the log.
    """

    commit: CommitEpisode
    ran: bool
    failure: str | None = None
    stack: str = ""


class Runner:
    """Runs episodes; one runner serves all threads.

    Args:
        functions: The app's functions.
        row_ids: Hands out ids of messages and tasks; taking the next one is atomic in CPython.
        default_version: What children are begun with that are given no version.
    """

    def __init__(
        self, functions: DurableFunctions, row_ids: Iterator[int], default_version: str
    ) -> None:
        self._functions = functions
        self._row_ids = row_ids
        self._default_version = default_version

    def run(self, given: EpisodeInput) -> Outcome:
        """Return what the new events change; never raises."""
        try:
            return self._run(given)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this instance's alone
            return self.refused(given, error)

    def refused(self, given: EpisodeInput, error: Exception) -> Outcome:
        """Return the failure of an instance whose episode cannot be recorded."""
        opening = [event(EventType.ORCHESTRATOR_STARTED, given.now)]
        text = f"What it decided cannot be recorded: {type(error).__name__}: {error}"
        return self._conclude(given, opening, None, _failed(given.instance.name, text), ran=True)

    def _run(self, given: EpisodeInput) -> Outcome:
        terminated = next(
            (e for e in given.arrived if e.kind == EventType.EXECUTION_TERMINATED), None
        )
        opening = [event(EventType.ORCHESTRATOR_STARTED, given.now), *given.arrived]
        if terminated is not None:
            ending = Ending(Status.TERMINATED, terminated.fields.get("Input"))
            return self._conclude(given, opening, None, ending, ran=False)
        name = given.instance.name
        if wording.own_spelling(name, self._functions.orchestrators) is None:
            text = wording.unknown_function(name, "orchestrator", self._functions.orchestrators)
            return self._conclude(given, opening, None, _failed(name, text), ran=False)
        if given.is_killed:
            return self._follow(given, opening, NO_STATE, _failed(name, wording.WORKER_DIED))
        state, failure = self._call(given, opening)
        return self._follow(given, opening, state, failure)

    def _call(
        self, given: EpisodeInput, opening: Sequence[Event]
    ) -> tuple[OrchestratorState, Ending | None]:
        """Run the app's orchestrator; return its state, and how it failed if it did.

        A failure that carries no readable state counts as one without any action: whatever the
        history has scheduled then contradicts it, and the custom status is lost. Seen on the real
        engine when the host hides a credential, and when a worker dies (durable-extension#2563).
        """
        name, stack = given.instance.name, ""
        spelled = wording.own_spelling(name, self._functions.orchestrators) or name
        try:
            try:
                answer = self._functions.run_orchestrator(spelled, context_text(given, opening))
            except UserCodeError as error:
                stack, carried = error.stack, carried_state(str(error))
                if carried is None:
                    return NO_STATE, _failed(name, str(error), stack)
                state = carried
            else:
                state = parse_state(answer)
        except BaseException as error:  # noqa: BLE001 - even SystemExit must not end the thread
            return NO_STATE, _failed(name, f"{type(error).__name__}: {error}", stack)
        failure = _failed(name, state.error, stack) if state.error else None
        return state, failure

    def _follow(
        self,
        given: EpisodeInput,
        opening: Sequence[Event],
        state: OrchestratorState,
        failure: Ending | None,
    ) -> Outcome:
        if state is NO_STATE:
            given = with_custom_status(given, None)
        walk = Walk(self._identity(given.instance), state)
        problem = _walk_problem(walk, [*given.past, *opening])
        if problem is not None:
            return self._conclude(given, opening, None, problem, ran=True)
        if state.custom_status is not None:
            given = with_custom_status(given, compact(state.custom_status))
        if not walk.is_over:
            return self._conclude(given, opening, walk, None, ran=True)
        if failure is None and walk.continues_as_new:
            return self._continue_as_new(given, walk)
        ending = failure or Ending(Status.COMPLETED, compact(state.output))
        return self._conclude(given, opening, walk, ending, ran=True)

    def _identity(self, instance: Instance) -> Identity:
        return Identity(
            name=instance.name,
            instance_id=instance.instance_id,
            execution_id=instance.execution_id,
            parent_instance_id=instance.parent.instance_id if instance.parent else None,
            orchestrators=self._functions.orchestrators,
            activities=self._functions.activities,
            entities=self._functions.entities,
            default_version=self._default_version,
        )

    def _conclude(
        self,
        given: EpisodeInput,
        opening: Sequence[Event],
        walk: Walk | None,
        ending: Ending | None,
        *,
        ran: bool,
    ) -> Outcome:
        draft = Draft(given.instance, given.now, self._row_ids, opening)
        for decision in walk.decisions if walk else ():
            draft.carry_out(decision)
        status = Status.SUSPENDED if walk is not None and walk.is_suspended else Status.RUNNING
        output = None
        if ending is not None:
            status, output = ending.status, ending.output
            draft.end(ending)
        draft.events.append(event(EventType.ORCHESTRATOR_COMPLETED, given.now))
        instance = replace(
            given.instance, status=status, output=output, updated_us=to_us(given.now)
        )
        commit = self._commit(given, draft, instance, ends_execution=ending is not None)
        failed = ending is not None and ending.status is Status.FAILED
        return Outcome(
            commit=commit,
            ran=ran,
            failure=output if failed else None,
            stack=ending.stack if ending else "",
        )

    def _continue_as_new(self, given: EpisodeInput, walk: Walk) -> Outcome:
        draft = Draft(given.instance, given.now, self._row_ids, ())
        for decision in walk.decisions:
            draft.carry_out(decision)
        draft.events.clear()  # its history ends here; the new execution's begins empty
        instance = replace(
            given.instance,
            execution_id=new_execution_id(),
            input=walk.next_input,
            status=Status.RUNNING,
            updated_us=to_us(given.now),
        )
        draft.begin(instance, walk.carried_over)
        commit = self._commit(given, draft, instance, ends_execution=True)
        return Outcome(commit=replace(commit, first_sequence=0), ran=True)

    def _commit(
        self, given: EpisodeInput, draft: Draft, instance: Instance, *, ends_execution: bool
    ) -> CommitEpisode:
        return CommitEpisode(
            instance=instance,
            consumed=given.consumed,
            fired=given.fired,
            first_sequence=len(given.past),
            events=draft.events,
            tasks=draft.tasks,
            timers=() if ends_execution else draft.timers,
            messages=draft.messages,
            children=draft.children,
            ends_execution=ends_execution,
        )


def context_text(given: EpisodeInput, opening: Sequence[Event]) -> str:
    """Return the orchestrator's context in the extension's wire form."""
    instance = given.instance
    new_text = wire_text(opening, is_played=False)
    history = f"{given.past_text},{new_text}" if given.past_text else new_text
    parent = instance.parent.instance_id if instance.parent else None
    return (
        f'{{"history":[{history}],"input":{instance.input or "null"},'
        f'"instanceId":{json.dumps(instance.instance_id)},'
        f'"parentInstanceId":{json.dumps(parent)}{_CONTEXT_TAIL}'
    )


def with_custom_status(given: EpisodeInput, text: str | None) -> EpisodeInput:
    """Return the same start with another custom status."""
    return replace(given, instance=replace(given.instance, custom_status=text))


def _walk_problem(walk: Walk, events: Iterable[Event]) -> Ending | None:
    """Walk through the events; return how the orchestration fails if it cannot."""
    try:
        walk.replay(events)
    except WalkFailedError as error:
        return Ending(Status.FAILED, str(error))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"The actions it returned make no sense: {type(error).__name__}: {error}"
        return _failed(walk.name, text)
    return None


def _failed(name: str, text: str, stack: str = "") -> Ending:
    text = mended(text)
    details = f"Message: {wording.truncated(text)}, StackTrace: "
    return Ending(Status.FAILED, wording.orchestrator_failed(name, text), details, stack)
