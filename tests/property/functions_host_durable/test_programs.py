# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""Random orchestrations, interrupted at random, come to what plain evaluation comes to."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_app import SdkApp
from durable_clock import VirtualClock
from durable_harness import Harness

if TYPE_CHECKING:
    from durable_app import Context, Steps

pytestmark = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")

SIX_DAYS_S = 518_400
single = st.one_of(
    st.tuples(st.just("add"), st.integers(-9, 9)),
    st.tuples(st.just("fail"), st.integers(1, 3)),
    st.tuples(st.just("timer"), st.integers(0, 900_000)),
)
# Only one failing member, and no timer that the SDK splits: after the first failure of a task_all the
# SDK goes on while the extension still waits, and retries or pieces of timers that are numbered
# meanwhile get different numbers on the two sides. See docs/reference/durable-engine.md.
short = st.tuples(st.just("timer"), st.integers(0, 400_000))
member = st.tuples(st.just("add"), st.integers(-9, 9)) | short
together = st.lists(member, min_size=1, max_size=4) | st.lists(member, max_size=3).map(
    lambda members: [*members, ("fail", 2)]
)
step = st.one_of(
    single,
    st.tuples(st.just("entity"), st.integers(0, 9)),
    st.tuples(st.just("signal"), st.integers(0, 9)),
    st.tuples(st.just("race"), st.integers(1, 99)),
    st.tuples(st.just("all"), together),
    st.tuples(st.just("status"), st.text(max_size=5)),
    st.tuples(st.just("again"), st.none()),
)
program = st.recursive(
    st.lists(step, max_size=5),
    lambda inner: st.lists(step | st.tuples(st.just("child"), inner), max_size=4),
    max_leaves=8,
)


def build_app() -> SdkApp:
    """Return an app that interprets programs."""
    app = SdkApp()

    @app.activity
    def Add(number: int) -> int:
        return number + 1

    @app.activity
    def Fail(_: Any) -> None:
        raise ValueError("as asked")

    @app.entity
    def total(context: df.DurableEntityContext) -> None:
        value = context.get_state(lambda: 0) + context.get_input()
        context.set_state(value)
        context.set_result(value)

    @app.orchestrator
    def Interpret(context: Context) -> Steps:
        given_input: Any = context.get_input()
        steps, results = given_input
        for position, (kind, value) in enumerate(steps):
            if kind == "again":
                context.continue_as_new([steps[position + 1 :], [*results, "again"]])
                return None
            results.append((yield from interpret(context, kind, value)))
        return results

    return app


def begin(context: Context, kind: str, value: Any) -> Any:
    """Return the task of one simple step."""
    if kind == "add":
        return context.call_activity("Add", value)
    if kind == "fail":
        return context.call_activity_with_retry("Fail", df.RetryOptions(1_000, value), None)
    return context.create_timer(context.current_utc_datetime + timedelta(seconds=value))


def interpret(context: Context, kind: str, value: Any) -> Steps:  # noqa: PLR0911 - one per kind
    """Carry out one step and return its result."""
    entity = df.EntityId("total", context.instance_id)
    if kind == "all":
        try:
            return (yield context.task_all([begin(context, *one) for one in value]))
        except Exception:
            return "failed"
    if kind == "child":
        return (yield context.call_sub_orchestrator("Interpret", [value, []]))
    if kind == "entity":
        return (yield context.call_entity(entity, "add", value))
    if kind == "signal":
        context.signal_entity(entity, "add", value)
        return None
    if kind == "status":
        context.set_custom_status(value)
        return None
    if kind == "race":
        never = context.wait_for_external_event("Never")
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=value))
        return (yield context.task_any([never, timer])) == timer
    try:
        return (yield begin(context, kind, value))
    except Exception:
        return "failed"


def evaluate(steps: list[Any], totals: list[int]) -> list[Any]:
    """Return what a program comes to; `totals` holds the instance's entity."""
    return [evaluate_step(kind, value, totals) for kind, value in steps]


def evaluate_step(kind: str, value: Any, totals: list[int]) -> Any:
    """Return what one step comes to."""
    if kind in {"entity", "signal"}:
        totals[0] += value
        return totals[0] if kind == "entity" else None
    if kind == "all":
        parts = [evaluate_step(kind, part, totals) for kind, part in value]
        return "failed" if "failed" in parts else parts
    if kind == "timer":
        return [None] if value > SIX_DAYS_S else None  # the SDK makes a task_all of a long timer
    simple = {"status": None, "fail": "failed", "race": True, "again": "again"}
    if kind in simple:
        return simple[kind]
    return value + 1 if kind == "add" else evaluate(value, [0])


@settings(max_examples=60, deadline=None)
@given(steps=program, interruptions=st.lists(st.integers(1, 2_000_000), max_size=4))
async def test_programs_come_to_their_results_through_any_restart(
    steps: list[Any], interruptions: list[int]
) -> None:
    """Activities, retries, timers, children, entities and continue-as-new, across restarts."""
    with tempfile.TemporaryDirectory() as folder:
        host = Harness(build_app(), VirtualClock(), Path(folder))
        await host.start()
        try:
            instance_id = await host.begin("Interpret", [steps, []])
            for pause_s in interruptions:
                await host.skip(seconds=pause_s)
                await host.restart()
            await host.skip(days=400)
            assert host.output(instance_id) == evaluate(steps, [0])
        finally:
            await host.stop()
