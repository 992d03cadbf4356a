# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""Activities as the Durable documentation has them, through the real SDK."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from durable_app import EARLY_EVENTS
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from durable_app import Context, SdkApp, Steps
    from durable_clock import VirtualClock
    from durable_harness import Harness

pytestmark = [pytest.mark.usefixtures("activities"), EARLY_EVENTS]


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


async def test_an_unknown_activity_fails_loudly(app: SdkApp, host: Harness) -> None:
    """The real extension hangs here; the local host says what is wrong."""

    @app.orchestrator
    def Typo(context: Context) -> Steps:
        yield context.call_activity("Ad", 1)

    failure = host.failure(await host.begin("Typo"))
    assert "The function 'Ad' doesn't exist, is disabled, or is not an activity" in failure
    assert "'Add'" in failure
