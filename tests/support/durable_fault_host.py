# ruff: noqa: N802 - functions are named as in Azure
"""A process that runs the durable engine on a workload, to be killed at any moment.

Usage: python durable_fault_host.py STATE_FOLDER WORKLOAD COUNT

It starts COUNT instances of the workload with fixed ids unless they exist, raises each its event
unless the ledger says that was acknowledged, waits until all have ended, and exits 0. Activities
note each run in `ledger/`, as the outside world would see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df

from durable_app import SdkApp
from functions_host.durable import DurableEngine, DurableOptions
from functions_host.durable.api.errors import InstanceConflictError, InstanceGoneError
from functions_host.durable.store.records import Status

if TYPE_CHECKING:
    from collections.abc import Generator

    from functions_host.durable.api.client import DurableClient

    Context = df.DurableOrchestrationContext
    Steps = Generator[Any, Any, Any]


def build_app(folder: Path) -> SdkApp:  # noqa: C901 - one app, many small functions
    """Return the app of all workloads."""
    app = SdkApp()
    app.contexts = _Forgetful()
    ledger = folder / "ledger"

    @app.activity
    def Note(entry: dict[str, Any]) -> int:
        with (ledger / f"{entry['job']}.{entry['step']}").open("a", encoding="ascii") as page:
            page.write("x")
        return int(entry["step"])

    @app.orchestrator
    def chain(context: Context) -> Steps:
        total = 0
        for step in range(3):
            entry = {"job": context.instance_id, "step": step}
            total += yield context.call_activity("Note", entry)
        return total

    @app.orchestrator
    def fan(context: Context) -> Steps:
        entries = [{"job": context.instance_id, "step": step} for step in range(4)]
        results = yield context.task_all([context.call_activity("Note", one) for one in entries])
        return sum(results)

    @app.orchestrator
    def mixed(context: Context) -> Steps:
        round_number = context.get_input() or 0
        if round_number == 0:
            yield context.call_sub_orchestrator("chain", None, f"{context.instance_id}-child")
            counter = df.EntityId("counter", context.instance_id)
            yield context.call_entity(counter, "add", 1)
            context.continue_as_new(1)
            return None
        due = context.current_utc_datetime + timedelta(milliseconds=50)
        yield context.create_timer(due)
        value = yield context.wait_for_external_event("Go")
        counter = df.EntityId("counter", context.instance_id)
        count = yield context.call_entity(counter, "get")
        entry = {"job": context.instance_id, "step": 7}
        note = yield context.call_activity("Note", entry)
        return [value, count, note]

    @app.activity
    def Repairable(job: str) -> str:
        if not (ledger / f"{job}.repaired").exists():
            raise ValueError("broken")
        return "repaired"

    @app.activity
    def Slow(_: Any) -> None:
        time.sleep(0.1)

    @app.orchestrator
    def steered(context: Context) -> Steps:
        return (yield context.call_activity("Repairable", context.instance_id))

    @app.orchestrator
    def victim(context: Context) -> Steps:
        yield context.call_activity("Slow")

    @app.entity
    def counter(context: df.DurableEntityContext) -> None:
        count = context.get_state(lambda: 0)
        if context.operation_name == "add":
            count += context.get_input()
            context.set_state(count)
        context.set_result(count)

    return app


class _Forgetful(list[tuple[str, str]]):
    """Keeps nothing: these runs are long."""

    def append(self, item: tuple[str, str]) -> None:
        """Forget the item."""


async def drive(client: DurableClient, folder: Path, workload: str, instance_id: str) -> None:
    """One instance was started, got its event once, and has ended."""
    if workload == "steered":
        await remove_victim(client, folder, f"{instance_id}-victim")
    if client.find(instance_id) is None:
        with contextlib.suppress(InstanceConflictError):
            await client.start_new(workload, None, instance_id)
    if workload == "mixed":
        await send_event(client, folder, instance_id)
    while (instance := await client.wait_for_end(instance_id, 60)) is None:
        pass
    if instance.status is Status.FAILED:
        (folder / "ledger" / f"{instance_id}.repaired").touch()
        await client.rewind(instance_id, "repaired")
        await client.wait_for_end(instance_id, 60)


async def remove_victim(client: DurableClient, folder: Path, instance_id: str) -> None:
    """Start an instance, terminate it while its activity runs, and purge it."""
    started = folder / "ledger" / f"{instance_id}.started"
    if client.find(instance_id) is None:
        if started.exists():
            return
        await client.start_new("victim", None, instance_id)
        await asyncio.sleep(0.03)  # its activity is running now, or is about to
    started.touch()
    with contextlib.suppress(InstanceGoneError):
        await client.terminate(instance_id, "not needed")
    await client.wait_for_end(instance_id, 60)
    await asyncio.sleep(0.2)  # the activity's answer comes and is discarded
    await client.purge([instance_id])


async def send_event(client: DurableClient, folder: Path, instance_id: str) -> None:
    """Send the instance its event; again after a crash if the acknowledgement was not noted."""
    acknowledged = folder / "ledger" / f"{instance_id}.acknowledged"
    while not acknowledged.exists():
        instance = client.find(instance_id)
        assert instance is not None
        if instance.input != '"1"' and not instance.status.is_terminal:
            await asyncio.sleep(0.01)  # the second execution waits; the first would drop the event
            continue
        with contextlib.suppress(InstanceGoneError):
            await client.raise_event(instance_id, "Go", '"went"')
        acknowledged.touch()


async def main(folder: Path, workloads: list[str], count: int) -> None:
    """Run the workloads to their end."""
    (folder / "ledger").mkdir(parents=True, exist_ok=True)
    engine = DurableEngine(build_app(folder), folder, DurableOptions(drain_s=1))
    await engine.start()
    await asyncio.gather(
        *(
            drive(engine.client, folder, workload, f"{workload}-{number}")
            for workload in workloads
            for number in range(count)
        )
    )
    await engine.wait_until_quiet()
    await engine.stop()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])))
