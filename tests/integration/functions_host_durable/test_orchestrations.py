# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""Orchestrations begun anew, changed, suspended, rewound and restarted, through the real SDK."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from durable_app import EARLY_EVENTS
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from durable_app import Context, SdkApp, Steps
    from durable_harness import Harness

pytestmark = [pytest.mark.usefixtures("activities"), EARLY_EVENTS]


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
