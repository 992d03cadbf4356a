# ruff: noqa: N802, BLE001 - functions are named as in Azure; the SDK raises plain Exception
"""The histories our engine writes: fixed in golden files, and understood by the SDK.

To accept a deliberate change, run with FUNCTIONS_HOST_WRITE_GOLDEN=1 and read the difference.
"""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from durable_app import Body, SdkApp
from durable_clock import VirtualClock
from durable_harness import Harness
from functions_host.durable.events import wire_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from functions_host.durable.events import Event

    Context = df.DurableOrchestrationContext
    Steps = Generator[Any, Any, Any]

GOLDEN = Path(__file__).with_name("golden")


def Chain(context: Context) -> Steps:
    """Two activities, one after the other."""
    number = yield context.call_activity("Add", context.get_input())
    return (yield context.call_activity("Add", number))


def Retries(context: Context) -> Steps:
    """An activity that fails twice, with its failure caught."""
    try:
        yield context.call_activity_with_retry("Boom", df.RetryOptions(5_000, 2), "x")
    except Exception as error:
        return str(error)


def Parent(context: Context) -> Steps:
    """A sub-orchestration that succeeds and one that fails."""
    good = yield context.call_sub_orchestrator("Chain", 1, "good-child")
    try:
        yield context.call_sub_orchestrator("Broken", None, "bad-child")
    except Exception as error:
        return [good, str(error)]


def Broken(_: Context) -> Steps:
    """An orchestration that raises."""
    yield from ()
    raise ValueError("broken")


def Approval(context: Context) -> Steps:
    """An event races a timer that is then cancelled."""
    context.set_custom_status("waiting")
    answer = context.wait_for_external_event("Answer")
    deadline: Any = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    winner = yield context.task_any([answer, deadline])
    if winner == answer:
        deadline.cancel()
    return answer.result


def Counting(context: Context) -> Steps:
    """An entity is signalled and called."""
    entity = df.EntityId("counter", "k")
    context.signal_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "add", 3))


def Both(context: Context) -> Steps:
    """Two events are awaited together."""
    waits = [context.wait_for_external_event(name) for name in ("One", "Two")]
    return (yield context.task_all(waits))


async def just_start(host: Harness, name: str) -> None:
    """Start with the input 1."""
    await host.begin(name, 1, "golden")


async def start_and_wait(host: Harness, name: str) -> None:
    """Start and let ten seconds pass."""
    await host.begin(name, 1, "golden")
    await host.skip(seconds=10)


async def start_and_answer(host: Harness, name: str) -> None:
    """Start, wait a minute, raise the event that is awaited."""
    await host.begin(name, 1, "golden")
    await host.skip(minutes=1)
    await host.event("golden", "Answer", {"approved": True})


async def start_and_raise_two(host: Harness, name: str) -> None:
    """Start and raise two events in the other order."""
    await host.begin(name, None, "golden")
    await host.event("golden", "Two", 2)
    await host.event("golden", "One", 1)


SCRIPTS: list[tuple[Callable[[Context], Steps], Callable[[Harness, str], Awaitable[None]]]] = [
    (Chain, just_start),
    (Retries, start_and_wait),
    (Parent, just_start),
    (Broken, just_start),
    (Approval, start_and_answer),
    (Counting, just_start),
    (Both, start_and_raise_two),
]


@pytest.fixture
def app() -> SdkApp:
    """Return the app of all scripts."""
    built = SdkApp()
    for function, _ in SCRIPTS:
        built.orchestrator(function)

    @built.activity
    def Add(number: int) -> int:
        return number + 1

    @built.activity
    def Boom(_: Any) -> None:
        raise ValueError("boom")

    @built.entity
    def counter(context: df.DurableEntityContext) -> None:
        total = context.get_state(lambda: 0) + context.get_input()
        context.set_state(total)
        context.set_result(total)

    return built


@pytest.mark.parametrize(("function", "script"), SCRIPTS, ids=[f.__name__ for f, _ in SCRIPTS])
async def test_a_history_is_as_recorded_and_replays(
    app: SdkApp, tmp_path: Path, function: Any, script: Any
) -> None:
    """The engine writes the golden history, and the SDK replays every episode of it alike."""
    host = Harness(app, VirtualClock(), tmp_path)
    await host.start(max_concurrent_activity_functions=1)
    await script(host, function.__name__)
    instance, history = host.status("golden"), host.client.history("golden")
    await host.stop()
    compare(GOLDEN / f"{function.__name__}.json", history)
    states = [replayed(function, history, end, instance.input) for end in episode_ends(history)]
    for earlier, later in pairwise(states):
        count = len(earlier["actions"][0])
        kinds = [action["actionType"] for action in later["actions"][0][:count]]
        assert kinds == [action["actionType"] for action in earlier["actions"][0]]
    assert [state["isDone"] for state in states[:-1]] == [False] * (len(states) - 1)
    if instance.status == "Completed":
        assert states[-1]["isDone"]
        assert states[-1].get("output") == json.loads(instance.output or "null")
    else:
        assert states[-1]["error"] in (instance.output or "")


def compare(path: Path, history: list[Event]) -> None:
    """The history equals the golden one, but for generated ids."""
    ids: dict[str, str] = {}
    pattern = r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    text = json.dumps([item.fields for item in history], indent=1, ensure_ascii=False)
    text = re.sub(pattern, lambda m: ids.setdefault(m[0], f"ID-{len(ids) + 1}"), text) + "\n"
    if os.environ.get("FUNCTIONS_HOST_WRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def episode_ends(history: list[Event]) -> list[int]:
    """Return where the decisions of each episode begin."""
    ends, begun = [], False
    for index, item in enumerate(history):
        if item.kind == 12:
            begun = True
        elif begun and item.kind in {1, 4, 7, 10, 13, 14}:
            ends.append(index)
            begun = False
    return ends


def replayed(function: Any, history: list[Event], end: int, payload: str | None) -> dict[str, Any]:
    """Return what the SDK answers to the history up to `end`."""
    body = {
        "history": json.loads(f"[{wire_text(history[:end], is_played=False)}]"),
        "input": json.loads(payload or "null"),
        "instanceId": "golden",
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 3,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
    }
    try:
        text = str(df.Orchestrator.create(function)(Body(json.dumps(body))))
    except Exception as error:
        text = str(error).partition("$OutOfProcData$:")[2]
    state: dict[str, Any] = json.loads(text)
    return state
