# ruff: noqa: N802 - functions are named as in Azure
"""The engine as its host sees it: starting, stopping, refusing, reporting."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from durable_clock import VirtualClock
from durable_harness import Harness
from durable_server import Server
from functions_host.durable import StoreInUseError
from functions_host.durable.api.errors import InstanceConflictError
from functions_host.durable.store.errors import StoreError
from functions_host.durable.store.records import Status
from functions_host.durable.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from durable_app import Context, SdkApp, Steps


async def test_a_second_engine_on_the_same_state_is_refused(
    app: SdkApp, host: Harness, tmp_path: Path
) -> None:
    """Starting raises, and the first engine goes on."""
    other = Harness(app, VirtualClock(), tmp_path)
    with pytest.raises(StoreInUseError, match="in use by another host"):
        await other.start()


async def test_stopping_drains_running_activities(app: SdkApp, host: Harness) -> None:
    """An activity that runs when the stop comes is ended and its result kept."""
    began, may_end, calls = threading.Event(), threading.Event(), []

    @app.activity
    def Slow(_: Any) -> str:
        calls.append(1)
        began.set()
        may_end.wait(10)
        return "kept"

    @app.orchestrator
    def Once(context: Context) -> Steps:
        return (yield context.call_activity("Slow"))

    instance_id = await host.client.start_new("Once", None)
    await asyncio.to_thread(began.wait, 10)
    stopping = asyncio.ensure_future(host.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    may_end.set()
    await stopping
    await host.start()
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == "kept"
    assert len(calls) == 1


async def test_an_activity_cut_off_by_the_stop_runs_again(
    app: SdkApp, clock: VirtualClock, tmp_path: Path
) -> None:
    """Delivery is at least once: what did not end in the drain time is run by the next host."""
    host = Harness(app, clock, tmp_path)
    began, may_end, calls = threading.Event(), threading.Event(), []

    @app.activity
    def Slow(_: Any) -> int:
        calls.append(1)
        began.set()
        may_end.wait(10)
        return len(calls)

    @app.orchestrator
    def Once(context: Context) -> Steps:
        return (yield context.call_activity("Slow"))

    await host.start(drain_s=0.01)
    instance_id = await host.client.start_new("Once", None)
    await asyncio.to_thread(began.wait, 10)
    await host.stop()
    may_end.set()
    await host.start()
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == 2
    await host.stop()


async def test_requests_after_the_stop_are_answered_503(app: SdkApp, host: Harness) -> None:
    """The API says that the engine has stopped instead of hanging."""
    server = Server(host.engine)
    await server.start()
    await host.stop()
    async with server.http.get("instances/any") as answer:
        assert answer.status == 503
    await server.stop()


async def test_a_store_that_cannot_be_written_stops_the_engine(
    app: SdkApp, clock: VirtualClock, tmp_path: Path
) -> None:
    """The caller gets the error, and so does everyone after; nothing is pretended."""

    class Full(SqliteStore):
        def apply(self, changes: Any) -> None:
            del changes
            raise StoreError("disk full")

    @app.orchestrator
    def Any_(context: Context) -> Steps:
        yield from ()

    host = Harness(app, clock, tmp_path, Full(tmp_path / "full.sqlite3"))
    await host.start()
    for _ in range(2):
        with pytest.raises(StoreError, match="disk full"):
            await host.client.start_new("Any_", None)
    await host.stop()


async def test_each_invocation_is_logged_with_its_fields(
    app: SdkApp, host: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """Function, kind, instance, duration, outcome and failure are on the record."""

    @app.activity
    def Boom(_: Any) -> None:
        raise ValueError("boom")

    @app.orchestrator
    def Fails(context: Context) -> Steps:
        yield context.call_activity("Boom")

    with caplog.at_level(logging.INFO, "functions_host.durable"):
        instance_id = await host.begin("Fails")
    records = [vars(record) for record in caplog.records]
    assert [(r["function_kind"], r["outcome"]) for r in records] == [
        ("orchestrator", "Running"),
        ("activity", "Failed"),
        ("orchestrator", "Failed"),
    ]
    assert {record["instance_id"] for record in records} == {instance_id}
    assert records[1]["function_name"] == "Boom"
    assert records[1]["failure"] == "ValueError: boom"
    assert "raise ValueError" in records[1]["stack"]
    assert records[1]["duration_s"] > 0


async def test_an_id_in_use_is_refused_and_a_finished_one_replaced(
    app: SdkApp, host: Harness
) -> None:
    """Two starts at once make one instance; after its end the id can be used again."""

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    starts = [host.client.start_new("Waits", None, "same") for _ in range(2)]
    first, second = await asyncio.gather(*starts, return_exceptions=True)
    assert first == "same"
    assert isinstance(second, InstanceConflictError)
    await host.event("same", "Go", 1)
    assert host.output("same") == 1
    await host.begin("Waits", None, "same")
    assert host.status("same").status is Status.RUNNING


async def test_two_parents_cannot_share_a_running_child(app: SdkApp, host: Harness) -> None:
    """The second gets a failure; on Azure its child would replace the first one's."""

    @app.orchestrator
    def Child(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    @app.orchestrator
    def Parent(context: Context) -> Steps:
        try:
            return (yield context.call_sub_orchestrator("Child", None, "shared"))
        except Exception as error:  # noqa: BLE001 - the SDK raises plain Exception
            return str(error)

    ids = await asyncio.gather(*(host.client.start_new("Parent", None) for _ in range(2)))
    await host.engine.wait_until_quiet()
    await host.event("shared", "Go", "went")
    outputs = sorted(host.output(one) for one in ids)
    assert outputs[1] == "went"
    assert "already exists" in outputs[0]


async def test_activities_keep_to_their_limit(
    app: SdkApp, clock: VirtualClock, tmp_path: Path
) -> None:
    """No more than the configured number runs at a time, and that many do."""
    running, most = [], []
    together = threading.Barrier(3, timeout=10)

    @app.activity
    def Work(_: Any) -> None:
        running.append(1)
        most.append(len(running))
        together.wait()
        running.pop()

    @app.orchestrator
    def Fan(context: Context) -> Steps:
        yield context.task_all([context.call_activity("Work", n) for n in range(9)])

    host = Harness(app, clock, tmp_path)
    await host.start(max_concurrent_activity_functions=3)
    instance_id = await host.begin("Fan")
    assert host.status(instance_id).status is Status.COMPLETED
    assert max(most) == 3
    await host.stop()


async def test_an_orchestrator_that_exits_the_process_only_fails_itself(
    app: SdkApp, host: Harness
) -> None:
    """SystemExit in user code fails that instance and leaves the threads usable."""

    @app.orchestrator
    def Exits(context: Context) -> Steps:
        yield from ()
        raise SystemExit(3)

    for _ in range(6):
        assert "failed" in host.failure(await host.begin("Exits"))


async def test_nonsense_from_the_worker_fails_the_instance(
    app: SdkApp, host: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is no orchestrator state ends the instance with a reason."""
    answers = [
        "no json",
        "[]",
        json.dumps({"actions": [], "isDone": True}),
        json.dumps({"actions": [[{"actionType": 0}]], "isDone": False, "schemaVersion": 2}),
        json.dumps({"actions": [["x"]], "isDone": False, "schemaVersion": 2}),
    ]

    @app.orchestrator
    def Odd(context: Context) -> Steps:
        yield from ()

    for answer in answers:
        monkeypatch.setattr(app, "run_orchestrator", lambda *_, answer=answer: answer)
        assert host.failure(await host.begin("Odd")).startswith(
            "Orchestrator function 'Odd' failed"
        )
