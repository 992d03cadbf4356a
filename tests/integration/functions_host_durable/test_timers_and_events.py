# ruff: noqa: N802 - functions are named as in Azure; the SDK raises plain Exception
"""Timers and external events, through the real SDK."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from durable_app import EARLY_EVENTS
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from durable_app import Context, SdkApp, Steps
    from durable_clock import VirtualClock
    from durable_harness import Harness

pytestmark = [pytest.mark.usefixtures("activities"), EARLY_EVENTS]


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
