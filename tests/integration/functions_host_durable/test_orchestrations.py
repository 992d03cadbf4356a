# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""Every pattern of the Durable documentation, run through the real SDK."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from collections.abc import Generator

    from durable_app import SdkApp
    from durable_clock import VirtualClock
    from durable_harness import Harness

    Context = df.DurableOrchestrationContext
    Steps = Generator[Any, Any, Any]

# The SDK warns of every event that comes before its wait, and handles it all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")


@pytest.fixture(autouse=True)
def activities(app: SdkApp) -> None:
    """Register the activities of these tests."""

    @app.activity
    def Add(number: int) -> int:
        return number + 1

    @app.activity
    def Boom(_: Any) -> None:
        raise ValueError("boom")


async def test_chained_activities_pass_results_on(app: SdkApp, host: Harness) -> None:
    """Each activity gets what the one before returned."""

    @app.orchestrator
    def Chain(context: Context) -> Steps:
        number = context.get_input()
        for _ in range(3):
            number = yield context.call_activity("Add", number)
        return number

    assert host.output(await host.begin("Chain", 4)) == 7


async def test_fan_out_waits_for_all_results_in_order(app: SdkApp, host: Harness) -> None:
    """task_all yields the results in the order of its tasks."""

    @app.orchestrator
    def Fan(context: Context) -> Steps:
        return (yield context.task_all([context.call_activity("Add", n) for n in range(25)]))

    assert host.output(await host.begin("Fan")) == list(range(1, 26))


async def test_an_activity_failure_has_the_documented_text(app: SdkApp, host: Harness) -> None:
    """The failure names the activity, two spaces, and the exception as the worker reports it."""

    @app.orchestrator
    def Fails(context: Context) -> Steps:
        yield context.call_activity("Boom", 1)

    failure = host.failure(await host.begin("Fails"))
    assert failure.startswith(
        "Orchestrator function 'Fails' failed: Activity function 'Boom' failed:  ValueError: boom"
    )


async def test_a_failure_can_be_caught(app: SdkApp, host: Harness) -> None:
    """An orchestrator catches an activity's failure and goes on."""

    @app.orchestrator
    def Catches(context: Context) -> Steps:
        try:
            yield context.call_activity("Boom", 1)
        except Exception:
            return (yield context.call_activity("Add", 1))

    assert host.output(await host.begin("Catches")) == 2


async def test_wait_all_fails_only_after_every_task_ended(app: SdkApp, host: Harness) -> None:
    """One failed task does not end a task_all whose other task is open."""

    @app.orchestrator
    def Mixed(context: Context) -> Steps:
        yield context.task_all(
            [context.call_activity("Boom", 1), context.wait_for_external_event("Go")]
        )

    instance_id = await host.begin("Mixed")
    assert host.status(instance_id).status is Status.RUNNING
    await host.event(instance_id, "Go")
    assert "ValueError: boom" in host.failure(instance_id)


async def test_retries_wait_their_interval_and_then_give_up(
    app: SdkApp, host: Harness, clock: VirtualClock
) -> None:
    """Three attempts, two waits of the constant interval, then the dummy timer, then the failure."""
    calls = []

    @app.activity
    def Flaky(_: Any) -> None:
        calls.append(clock.now())
        raise ValueError("again")

    @app.orchestrator
    def Retries(context: Context) -> Steps:
        yield context.call_activity_with_retry("Flaky", df.RetryOptions(5_000, 3), 1)

    began = clock.now()
    instance_id = await host.begin("Retries")
    await host.skip(seconds=20)
    assert [call - began for call in calls] == [timedelta(seconds=s) for s in (0, 5, 10)]
    assert "ValueError: again" in host.failure(instance_id)
    assert host.kinds(instance_id).count("TIMER_CREATED") == 3


async def test_a_retry_that_succeeds_yields_its_result(app: SdkApp, host: Harness) -> None:
    """The second attempt's result is the task's result."""
    attempts = []

    @app.activity
    def Second(_: Any) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("first")
        return "fine"

    @app.orchestrator
    def Retries(context: Context) -> Steps:
        return (yield context.call_activity_with_retry("Second", df.RetryOptions(1_000, 5), None))

    instance_id = await host.begin("Retries")
    await host.skip(seconds=2)
    assert host.output(instance_id) == "fine"


async def test_sub_orchestrations_return_and_fail_into_their_parent(
    app: SdkApp, host: Harness
) -> None:
    """The parent gets the child's output, or its failure text; default ids name the execution."""

    @app.orchestrator
    def Child(context: Context) -> Steps:
        if context.get_input() == "fail":
            raise RuntimeError("child broke")
        return (yield context.call_activity("Add", 1))

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        good = yield context.call_sub_orchestrator("Child", "work")
        try:
            yield context.call_sub_orchestrator("Child", "fail", "named-child")
        except Exception as error:
            return [good, str(error)]

    instance_id = await host.begin("Parent")
    good, failure = host.output(instance_id)
    assert good == 2
    assert failure.startswith("Orchestrator function 'Child' failed: child broke")
    execution_id = host.status(instance_id).execution_id
    assert host.status(f"{execution_id}:0").status is Status.COMPLETED
    assert host.status("named-child").status is Status.FAILED


async def test_what_is_begun_has_the_default_version_of_then_and_keeps_it(
    app: SdkApp, host: Harness
) -> None:
    """Children have that of the host that begins them, as on Microsoft's engine; a wished one wins."""

    @app.orchestrator
    def Child(context: Context) -> Steps:
        version = context.version
        yield context.wait_for_external_event("Go")
        return [version, context.version]

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        begun_as = context.version
        first = yield context.call_sub_orchestrator("Child", None, "first")
        second = yield context.call_sub_orchestrator("Child", None, "second")
        wished = yield context.call_sub_orchestrator("Child", None, "wished", version="9.0.0")
        return [begun_as, first, second, wished, context.version]

    await host.restart(default_version="1.0.0")
    parent = await host.begin("Parent")
    await host.restart(default_version="2.0.0")
    for child in ("first", "second", "wished"):
        await host.event(child, "Go")
    one, two, nine = (["1.0.0"] * 2, ["2.0.0"] * 2, ["9.0.0"] * 2)
    assert host.output(parent) == ["1.0.0", one, two, nine, "1.0.0"]
    assert host.status(parent).version == "1.0.0"


async def test_terminating_a_child_fails_the_parents_call(app: SdkApp, host: Harness) -> None:
    """A terminated child answers its parent with event 9 and the reason."""

    @app.orchestrator
    def Child(context: Context) -> Steps:
        yield context.wait_for_external_event("Never")

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        try:
            yield context.call_sub_orchestrator("Child", None, "the-child")
        except Exception as error:
            return str(error)

    instance_id = await host.begin("Parent")
    await host.client.terminate("the-child", "enough")
    await host.engine.wait_until_quiet()
    assert host.output(instance_id).startswith("enough")
    assert "SUB_ORCHESTRATION_FAILED" in host.kinds(instance_id)


async def test_a_timer_fires_at_its_time(app: SdkApp, host: Harness) -> None:
    """Nothing happens before, and current_utc_datetime is not before the due time after."""

    @app.orchestrator
    def Sleeps(context: Context) -> Steps:
        due = context.current_utc_datetime + timedelta(hours=1)
        yield context.create_timer(due)
        return context.current_utc_datetime >= due

    instance_id = await host.begin("Sleeps")
    await host.skip(minutes=59)
    assert host.status(instance_id).status is Status.RUNNING
    await host.skip(minutes=1)
    assert host.output(instance_id) is True


async def test_a_timer_of_twenty_days_fires(
    app: SdkApp, host: Harness, clock: VirtualClock
) -> None:
    """The SDK splits timers above six days; the pieces add up."""

    @app.orchestrator
    def Sleeps(context: Context) -> Steps:
        yield context.create_timer(context.current_utc_datetime + timedelta(days=20))
        return "awake"

    instance_id = await host.begin("Sleeps")
    await host.skip(days=19, hours=23)
    assert host.status(instance_id).status is Status.RUNNING
    await host.skip(hours=2)
    assert host.output(instance_id) == "awake"
    assert host.kinds(instance_id).count("TIMER_FIRED") > 1


async def test_an_event_beats_a_cancelled_timer(app: SdkApp, host: Harness) -> None:
    """With its timer cancelled, the instance completes at once."""

    @app.orchestrator
    def Approval(context: Context) -> Steps:
        answer = context.wait_for_external_event("Answer")
        deadline: Any = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        winner = yield context.task_any([answer, deadline])
        if winner == answer:
            deadline.cancel()
            return answer.result
        return "too late"

    instance_id = await host.begin("Approval")
    await host.event(instance_id, "Answer", {"yes": True})
    assert host.output(instance_id) == {"yes": True}
    late = await host.begin("Approval")
    await host.skip(hours=2)
    assert host.output(late) == "too late"


async def test_an_open_timer_keeps_the_instance_open(app: SdkApp, host: Harness) -> None:
    """An orchestrator that returned completes only when its uncancelled timer has fired."""

    @app.orchestrator
    def Forgets(context: Context) -> Steps:
        answer = context.wait_for_external_event("Answer")
        deadline = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        yield context.task_any([answer, deadline])
        return "done"

    instance_id = await host.begin("Forgets")
    await host.event(instance_id, "Answer", 1)
    assert host.status(instance_id).status is Status.RUNNING
    await host.skip(hours=1)
    assert host.output(instance_id) == "done"


async def test_early_events_each_pass_one_wait(app: SdkApp, host: Harness) -> None:
    """Two early events pass two waits; SDK 1.7 itself remembers only the last early value."""

    @app.orchestrator
    def Takes(context: Context) -> Steps:
        yield context.wait_for_external_event("Start")
        first = yield context.wait_for_external_event("Item")
        second = yield context.wait_for_external_event("Item")
        return [first, second]

    instance_id = await host.begin("Takes")
    for value in (1, 2):
        await host.event(instance_id, "Item", value)
    await host.event(instance_id, "Start")
    assert host.output(instance_id) == [2, 2]


async def test_a_reused_wait_is_left_out_of_a_later_any(app: SdkApp, host: Harness) -> None:
    """The trap of the facts page: the event does nothing until the other task completes."""

    @app.orchestrator
    def Reuses(context: Context) -> Steps:
        cancel = context.wait_for_external_event("Cancel")
        yield context.task_any([cancel, context.wait_for_external_event("One")])
        winner = yield context.task_any([cancel, context.wait_for_external_event("Two")])
        left = yield context.call_activity("Add", 1)
        return [winner == cancel, left]

    instance_id = await host.begin("Reuses")
    await host.event(instance_id, "One")
    await host.event(instance_id, "Cancel")
    assert "TASK_SCHEDULED" not in host.kinds(instance_id)
    await host.event(instance_id, "Two")
    assert host.output(instance_id) == [True, 2]


async def test_a_new_wait_per_any_reacts_at_once(app: SdkApp, host: Harness) -> None:
    """With a new wait for each task_any, the newest waiter gets the event on both sides."""

    @app.orchestrator
    def Renews(context: Context) -> Steps:
        for name in ("One", "Two"):
            cancel = context.wait_for_external_event("Cancel")
            work = context.wait_for_external_event(name)
            winner = yield context.task_any([cancel, work])
            if winner == cancel:
                return f"cancelled in {name}"

    instance_id = await host.begin("Renews")
    await host.event(instance_id, "One")
    await host.event(instance_id, "Cancel")
    assert host.output(instance_id) == "cancelled in Two"


async def test_continue_as_new_starts_a_fresh_history(app: SdkApp, host: Harness) -> None:
    """The execution id changes, the history is short again, the input is the new one."""

    @app.orchestrator
    def Counts(context: Context) -> Steps:
        count: Any = context.get_input()
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
        if count < 3:
            context.continue_as_new(count + 1)
            return None
        return count

    instance_id = await host.begin("Counts", 0)
    first = host.status(instance_id).execution_id
    await host.skip(seconds=10)
    assert host.output(instance_id) == 3
    assert host.status(instance_id).execution_id != first
    assert host.kinds(instance_id).count("EXECUTION_STARTED") == 1


async def test_continue_as_new_drops_buffered_events(app: SdkApp, host: Harness) -> None:
    """An event that came before the decision and was not taken is gone, as on Azure."""

    @app.orchestrator
    def Restarts(context: Context) -> Steps:
        if context.get_input() == "again":
            return (yield context.wait_for_external_event("Late"))
        yield context.wait_for_external_event("Go")
        context.continue_as_new("again")

    instance_id = await host.begin("Restarts", "first")
    await host.event(instance_id, "Late", "lost")
    await host.event(instance_id, "Go")
    assert host.status(instance_id).status is Status.RUNNING
    await host.event(instance_id, "Late", "taken")
    assert host.output(instance_id) == "taken"


async def test_custom_status_is_live_and_limited(app: SdkApp, host: Harness) -> None:
    """The status is visible while the instance waits; above 16 KB the orchestration fails."""

    @app.orchestrator
    def Reports(context: Context) -> Steps:
        context.set_custom_status({"phase": "waiting"})
        size = yield context.wait_for_external_event("Size")
        context.set_custom_status("x" * size)
        yield context.call_activity("Add", 1)

    instance_id = await host.begin("Reports")
    assert host.status(instance_id).custom_status == '{"phase":"waiting"}'
    await host.event(instance_id, "Size", 9_000)
    assert "must not exceed 16 KB" in host.failure(instance_id)


async def test_a_changed_orchestrator_is_found_out(app: SdkApp, host: Harness) -> None:
    """A replay that contradicts history fails with the documented words."""
    version = ["old"]

    @app.orchestrator
    def Changes(context: Context) -> Steps:
        if version[0] == "old":
            yield context.call_activity("Add", 1)
        else:
            yield context.call_activity("Boom", 1)
        yield context.wait_for_external_event("Go")

    instance_id = await host.begin("Changes")
    version[0] = "new"
    await host.event(instance_id, "Go")
    failure = host.failure(instance_id)
    assert failure.startswith("Non-Deterministic workflow detected: A previous execution of this")
    assert "named 'Add'" in failure
    assert "named 'Boom'" in failure


async def test_an_unknown_activity_fails_loudly(app: SdkApp, host: Harness) -> None:
    """The real extension hangs here; the local host says what is wrong."""

    @app.orchestrator
    def Typo(context: Context) -> Steps:
        yield context.call_activity("Ad", 1)

    failure = host.failure(await host.begin("Typo"))
    assert "The function 'Ad' doesn't exist, is disabled, or is not an activity" in failure
    assert "'Add'" in failure


async def test_a_terminated_instance_runs_no_more_code(app: SdkApp, host: Harness) -> None:
    """Its output is the reason, and no episode runs after the termination."""
    runs = []

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        runs.append(1)
        yield context.wait_for_external_event("Never")

    instance_id = await host.begin("Waits")
    await host.client.terminate(instance_id, "no longer needed")
    await host.engine.wait_until_quiet()
    status = host.status(instance_id)
    assert (status.status, status.output) == (Status.TERMINATED, "no longer needed")
    assert len(runs) == 1


async def test_a_suspended_instance_holds_back_until_resumed(app: SdkApp, host: Harness) -> None:
    """Events during the suspension count, but only after it."""

    @app.orchestrator
    def Works(context: Context) -> Steps:
        yield context.wait_for_external_event("Go")
        return (yield context.call_activity("Add", 1))

    instance_id = await host.begin("Works")
    await host.client.suspend(instance_id, "pause")
    await host.engine.wait_until_quiet()
    assert host.status(instance_id).status is Status.SUSPENDED
    await host.event(instance_id, "Go")
    assert "TASK_SCHEDULED" not in host.kinds(instance_id)
    await host.client.resume(instance_id, "go on")
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == 2


async def test_rewinding_tries_what_failed_again(app: SdkApp, host: Harness) -> None:
    """After a rewind the failed activity runs again and what had succeeded does not."""
    calls = []
    broken = [True]

    @app.activity
    def Work(name: str) -> str:
        calls.append(name)
        if name == "second" and broken[0]:
            raise ValueError("not yet")
        return name

    @app.orchestrator
    def Two(context: Context) -> Steps:
        first = yield context.call_activity("Work", "first")
        second = yield context.call_activity("Work", "second")
        return [first, second]

    instance_id = await host.begin("Two")
    assert "not yet" in host.failure(instance_id)
    broken[0] = False
    await host.client.rewind(instance_id, "repaired")
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == ["first", "second"]
    assert calls == ["first", "second", "second"]


async def test_rewinding_a_parent_rewinds_its_failed_child(app: SdkApp, host: Harness) -> None:
    """The child runs again from its failure and answers the parent, which then completes."""
    broken = [True]

    @app.activity
    def Work(_: Any) -> str:
        if broken[0]:
            raise ValueError("not yet")
        return "worked"

    @app.orchestrator
    def Child(context: Context) -> Steps:
        return (yield context.call_activity("Work"))

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        return (yield context.call_sub_orchestrator("Child", None, "the-child"))

    instance_id = await host.begin("Parent")
    assert "not yet" in host.failure(instance_id)
    broken[0] = False
    await host.client.rewind(instance_id, "repaired")
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == "worked"
    assert host.output("the-child") == "worked"


async def test_is_replaying_is_true_only_for_what_was_played(app: SdkApp, host: Harness) -> None:
    """Code behind a new event sees is_replaying false, and true once that event is history."""
    seen = []

    @app.orchestrator
    def Looks(context: Context) -> Steps:
        for name in ("One", "Two"):
            yield context.wait_for_external_event(name)
            seen.append((name, context.is_replaying))

    instance_id = await host.begin("Looks")
    await host.event(instance_id, "One")
    await host.event(instance_id, "Two")
    assert seen == [("One", False), ("One", True), ("Two", False)]


async def test_terminating_stops_neither_activities_nor_children(
    app: SdkApp, host: Harness
) -> None:
    """A child of a terminated parent goes on, and its answer is dropped."""

    @app.orchestrator
    def Child(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        return (yield context.call_sub_orchestrator("Child", None, "the-child"))

    instance_id = await host.begin("Parent")
    await host.client.terminate(instance_id, "stop")
    await host.event("the-child", "Go", 1)
    assert host.output("the-child") == 1
    assert host.status(instance_id).status is Status.TERMINATED


async def test_entities_keep_state_and_answer_calls(app: SdkApp, host: Harness) -> None:
    """Calls and signals of an orchestrator reach an entity in order; errors come back."""

    @app.entity
    def counter(context: df.DurableEntityContext) -> None:
        state = context.get_state(lambda: 0)
        if context.operation_name == "add":
            state += context.get_input()
            context.set_state(state)
        elif context.operation_name == "fail":
            raise ValueError("no such thing")
        context.set_result(state)

    @app.orchestrator
    def Counts(context: Context) -> Steps:
        entity = df.EntityId("counter", "one")
        context.signal_entity(entity, "add", 5)
        yield context.call_entity(entity, "add", 2)
        try:
            yield context.call_entity(entity, "fail")
        except Exception as error:
            problem = str(error)
        value = yield context.call_entity(entity, "get")
        return [value, problem]

    assert host.output(await host.begin("Counts")) == [7, "no such thing"]
    entity = host.client.find_entity("Counter", "one")
    assert entity is not None
    assert entity.state == "7"


async def test_a_restart_goes_on_where_it_was(app: SdkApp, host: Harness) -> None:
    """Timers, waits and histories survive; nothing done is done again."""
    calls = []

    @app.activity
    def Once(name: str) -> str:
        calls.append(name)
        return name

    @app.orchestrator
    def Long(context: Context) -> Steps:
        yield context.call_activity("Once", "before")
        yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        value = yield context.wait_for_external_event("Go")
        yield context.call_activity("Once", "after")
        return value

    instance_id = await host.begin("Long")
    await host.restart()
    await host.skip(hours=1)
    await host.restart()
    await host.event(instance_id, "Go", "went")
    assert host.output(instance_id) == "went"
    assert calls == ["before", "after"]
