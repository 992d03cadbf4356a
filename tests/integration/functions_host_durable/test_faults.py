# ruff: noqa: N802 - functions are named as in Azure
"""The engine as hard as Microsoft's: each named fault, as a test asks for it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from durable_harness import Harness
from functions_host.durable.events import EventType
from functions_host.durable.faults import (
    ENVIRONMENT_VARIABLE,
    ActivityRedelivered,
    CustomStatusLost,
    EventDropped,
    Fault,
    FirstEpisodeLost,
    OrchestratorKilled,
    Redelivery,
    ReplySwallowed,
    StrayReply,
    TimerEarly,
    faults_of,
)
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from durable_app import Context, SdkApp, Steps
    from durable_clock import VirtualClock

    Engine = Callable[..., AbstractAsyncContextManager[Harness]]


@pytest.fixture
def engine(app: SdkApp, clock: VirtualClock, tmp_path: Path) -> Engine:
    """Return what runs an engine with faults, in an `async with`."""

    @asynccontextmanager
    async def run(*faults: Fault) -> AsyncIterator[Harness]:
        host = Harness(app, clock, tmp_path)
        await host.start(faults=faults)
        yield host
        await host.stop()

    return run


@pytest.fixture
def calls(app: SdkApp) -> list[Any]:
    """Return the inputs with which the activity `Echo` was called; it returns them."""
    seen: list[Any] = []

    @app.activity
    def Echo(value: Any) -> Any:
        seen.append(value)
        return value

    @app.orchestrator
    def Twice(context: Context) -> Steps:
        context.set_custom_status("under way")
        first = yield context.call_activity("Echo", 1)
        second = yield context.call_activity("Echo", 2)
        return [first, second]

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        try:
            return (yield context.call_sub_orchestrator("Twice", None, "child"))
        except Exception as error:  # noqa: BLE001 - the SDK raises plain Exception
            return str(error)

    return seen


async def test_an_activity_delivered_again_at_once_runs_twice_and_answers_once(
    engine: Engine, calls: list[Any]
) -> None:
    """The second call of the function runs again with its input; its second reply is dropped."""
    async with engine(ActivityRedelivered(function="Echo", occurrence=2)) as host:
        instance_id = await host.begin("Twice")
        assert host.output(instance_id) == [1, 2]
        assert sorted(calls) == [1, 2, 2]
        assert host.kinds(instance_id).count("TASK_COMPLETED") == 2


async def test_an_activity_delivered_again_after_the_end_changes_nothing_in_the_engine(
    engine: Engine, calls: list[Any]
) -> None:
    """It runs with its old input once the instance is over, and its reply is dropped."""
    fault = ActivityRedelivered(function="Echo", when=Redelivery.AFTER_END)
    async with engine(fault) as host:
        instance_id = await host.begin("Twice")
        assert calls == [1, 2, 1]
        before = host.status(instance_id)
        await host.skip(hours=1)
        assert host.status(instance_id) == before


@pytest.mark.parametrize("when", Redelivery)
async def test_an_activity_can_be_delivered_again_after_a_while(
    engine: Engine, calls: list[Any], when: Redelivery
) -> None:
    """As when a work item becomes visible again; by the engine's clock."""
    async with engine(ActivityRedelivered(function="Echo", when=when, after_s=300)) as host:
        await host.begin("Twice")
        await host.skip(seconds=299)
        assert calls == [1, 2]
        await host.skip(seconds=1)
        assert calls == [1, 2, 1]


async def test_a_lost_first_episode_starts_over_with_a_later_clock(
    app: SdkApp, engine: Engine
) -> None:
    """With the same ExecutionId and input; what it had asked for has run, and runs again."""
    starts: list[tuple[Any, ...]] = []
    ran: list[str] = []

    @app.activity
    def Note(moment: str) -> str:
        ran.append(moment)
        return moment

    @app.orchestrator
    def Begins(context: Context) -> Steps:
        now = context.current_utc_datetime
        if not context.is_replaying:
            execution_id = context.histories[1].OrchestrationInstance["ExecutionId"]
            starts.append((execution_id, context.get_input(), now))
        return (yield context.call_activity("Note", now.isoformat()))

    fault = FirstEpisodeLost(function="Begins", later_s=300, replies_arrive=False)
    async with engine(fault) as host:
        instance_id = await host.begin("Begins", "input")
        assert host.status(instance_id).status is Status.PENDING
        assert len(ran) == 1
        await host.skip(seconds=299)
        assert len(starts) == 1
        await host.skip(seconds=1)
        (first_id, first_input, first), (second_id, second_input, second) = starts
        assert (first_id, first_input) == (second_id, second_input)
        assert second - first == timedelta(seconds=300)
        assert host.output(instance_id) == ran[1] == second.isoformat()


@pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")
async def test_the_reply_of_a_lost_episode_reaches_the_task_of_its_number(
    app: SdkApp, engine: Engine
) -> None:
    """Even if the second run asked another activity."""

    @app.activity
    def Early(_: Any) -> str:
        return "early"

    @app.activity
    def Late(_: Any) -> str:
        return "late"

    @app.orchestrator
    def Chooses(context: Context) -> Steps:
        is_late = context.current_utc_datetime.minute > 0
        reply = yield context.call_activity("Late" if is_late else "Early")
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
        return reply

    async with engine(FirstEpisodeLost()) as host:
        instance_id = await host.begin("Chooses")
        await host.skip(seconds=302)
        assert host.output(instance_id) == "early"


async def test_an_execution_that_continues_as_new_can_lose_its_first_episode_too(
    app: SdkApp, engine: Engine, calls: list[Any]
) -> None:
    """The one before it is not touched; the second starts over."""

    @app.orchestrator
    def Renews(context: Context) -> Steps:
        number = context.get_input() or 1
        yield context.call_activity("Echo", number)
        if number == 1:
            context.continue_as_new(2)

    async with engine(FirstEpisodeLost(occurrence=2, later_s=9, replies_arrive=False)) as host:
        instance_id = await host.begin("Renews")
        assert calls == [1, 2]
        await host.skip(seconds=9)
        assert calls == [1, 2, 2]
        assert host.status(instance_id).status is Status.COMPLETED


async def test_an_event_before_the_first_commit_can_be_dropped(app: SdkApp, engine: Engine) -> None:
    """It is accepted and gone; one after the commit arrives."""

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    faults = FirstEpisodeLost(later_s=60), EventDropped(function="Waits", event="Go")
    async with engine(*faults) as host:
        instance_id = await host.begin("Waits")
        await host.event(instance_id, "Go", "early")
        await host.skip(seconds=60)
        assert host.status(instance_id).status is Status.RUNNING
        await host.event(instance_id, "Go", "late")
        assert host.output(instance_id) == "late"


async def test_an_event_for_a_lost_episode_waits_unless_it_is_dropped(
    app: SdkApp, engine: Engine
) -> None:
    """The second run has it."""

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    async with engine(FirstEpisodeLost(later_s=60)) as host:
        instance_id = await host.begin("Waits")
        await host.event(instance_id, "Go", "early")
        assert host.status(instance_id).status is Status.PENDING
        await host.skip(seconds=60)
        assert host.output(instance_id) == "early"


async def test_a_custom_status_lost_at_the_end_leaves_the_output(
    engine: Engine, calls: list[Any]
) -> None:
    """The instance that is not meant keeps its own."""
    async with engine(CustomStatusLost(instance_id="unlucky")) as host:
        await host.begin("Twice", None, "lucky")
        await host.begin("Twice", None, "unlucky")
        assert host.status("lucky").custom_status == '"under way"'
        assert host.status("unlucky").custom_status is None
        assert host.output("unlucky") == [1, 2]


async def test_a_custom_status_lost_on_the_way_comes_back(app: SdkApp, engine: Engine) -> None:
    """The next episode sets it again."""

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        context.set_custom_status("waiting")
        yield context.wait_for_external_event("Go")
        yield context.wait_for_external_event("Go")

    async with engine(CustomStatusLost(at_end=False, occurrence=2)) as host:
        instance_id = await host.begin("Waits")
        assert host.status(instance_id).custom_status == '"waiting"'
        await host.event(instance_id, "Go")
        assert host.status(instance_id).custom_status is None
        await host.event(instance_id, "Go")
        assert host.status(instance_id).custom_status == '"waiting"'


async def test_a_killed_orchestrator_fails_for_good_and_its_parent_sees_it(
    app: SdkApp, engine: Engine, calls: list[Any]
) -> None:
    """From its second call on as non-deterministic, without custom status; no code of it runs again."""
    async with engine(OrchestratorKilled(function="Twice", occurrence=2)) as host:
        parent_id = await host.begin("Parent")
        assert "Non-Deterministic workflow detected" in host.failure("child")
        assert host.status("child").custom_status is None
        assert "Non-Deterministic workflow detected" in host.output(parent_id)
        assert calls == [1]
        assert [name for name, _ in app.contexts].count("Twice") == 1


async def test_an_orchestrator_killed_at_its_first_call_fails(
    engine: Engine, calls: list[Any]
) -> None:
    """With the worker's end as its reason, as there is nothing that it contradicts."""
    async with engine(OrchestratorKilled()) as host:
        assert "exited with code 137" in host.failure(await host.begin("Twice"))
        assert calls == []


async def test_a_swallowed_reply_never_comes_until_the_host_starts_again(
    engine: Engine, calls: list[Any]
) -> None:
    """The next host finds the activity unanswered and runs it again."""
    async with engine(ReplySwallowed(function="Echo", occurrence=2)) as host:
        instance_id = await host.begin("Twice")
        await host.skip(days=1)
        assert host.status(instance_id).status is Status.RUNNING
        assert calls == [1, 2]
        await host.restart()
        await host.engine.wait_until_quiet()
        assert host.output(instance_id) == [1, 2]
        assert calls == [1, 2, 2]


async def test_a_swallowed_reply_can_come_late(engine: Engine, calls: list[Any]) -> None:
    """By the engine's clock, and without another run."""
    async with engine(ReplySwallowed(function="Echo", arrives_after_s=300)) as host:
        instance_id = await host.begin("Twice")
        await host.skip(seconds=299)
        assert calls == [1]
        await host.skip(seconds=1)
        assert host.output(instance_id) == [1, 2]


async def test_a_stray_reply_takes_the_place_of_a_tasks_own(
    engine: Engine, calls: list[Any]
) -> None:
    """The activity has run; what it said is dropped."""
    stray = StrayReply(function="Echo", occurrence=2, result={"kind": "other"})
    async with engine(stray) as host:
        assert host.output(await host.begin("Twice")) == [1, {"kind": "other"}]
        assert calls == [1, 2]


async def test_a_timer_fires_early_by_its_fraction_of_a_second(
    app: SdkApp, clock: VirtualClock, engine: Engine
) -> None:
    """The orchestrator's clock is then before the deadline that the history names."""
    clock.advance(timedelta(milliseconds=900))

    @app.orchestrator
    def Sleeps(context: Context) -> Steps:
        due = context.current_utc_datetime + timedelta(seconds=10)
        yield context.create_timer(due)
        return (context.current_utc_datetime - due).total_seconds()

    async with engine(TimerEarly(function="Sleeps", occurrence=2)) as host:
        on_time, early = await host.begin("Sleeps"), await host.begin("Sleeps")
        await host.skip(seconds=11)
        assert host.output(on_time) == 0
        assert host.output(early) == -0.9
        fired = [e for e in host.client.history(early) if e.kind == EventType.TIMER_FIRED]
        assert fired[0].fields["FireAt"].endswith(":10.9000000Z")


async def test_a_host_of_its_own_takes_faults_from_its_environment(
    engine: Engine, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JSON, each by its name."""
    named = {"fault": "ActivityRedelivered", "function": "echo", "when": "after_end"}
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, json.dumps([named]))
    async with engine() as host:
        await host.begin("Twice")
    assert calls == [1, 2, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"fault": "Unheard"}]', "knows only ActivityRedelivered, "),
        ('[{"fault": "StrayReply", "odd": 1}]', "odd"),
        ('[{"fault": "ActivityRedelivered", "when": "never"}]', "never"),
        ("{", "property name"),
    ],
)
def test_a_mistyped_fault_is_refused(text: str, words: str) -> None:
    """It must not pass for a survived one."""
    with pytest.raises(ValueError, match=words):
        faults_of(text)


async def test_what_the_host_hides_of_an_orchestrators_failure_is_lost(
    app: SdkApp, engine: Engine, calls: list[Any]
) -> None:
    """Its actions and custom status go with the JSON that carries them, as on Azure."""

    @app.orchestrator
    def Fails(context: Context) -> Steps:
        context.set_custom_status({"phase": "Failed"})
        yield context.call_activity("Echo", {"command": "API_KEY=x run"})
        raise ValueError("the job failed")

    async with engine() as host:
        instance_id = await host.begin("Fails")
        assert host.failure(instance_id).startswith("Non-Deterministic workflow detected: ")
        assert host.status(instance_id).custom_status is None


async def test_a_credential_in_an_activitys_failure_is_hidden(app: SdkApp, engine: Engine) -> None:
    """In the text that the orchestrator sees and the history keeps."""

    @app.activity
    def Breaks(_: Any) -> None:
        raise ValueError("pwd=hunter2 and 'more'")

    @app.orchestrator
    def Catches(context: Context) -> Steps:
        try:
            yield context.call_activity("Breaks")
        except Exception as error:  # noqa: BLE001 - the SDK raises plain Exception
            return str(error)

    async with engine() as host:
        text = host.output(await host.begin("Catches"))
        assert "ValueError: [Hidden Credential]'more'" in text
        assert "hunter2" not in text
