# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""Orchestrations that begin others, through the real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from durable_app import EARLY_EVENTS
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from durable_app import Context, SdkApp, Steps
    from durable_harness import Harness

pytestmark = [pytest.mark.usefixtures("activities"), EARLY_EVENTS]


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
