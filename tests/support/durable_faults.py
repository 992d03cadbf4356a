"""Runs the fault host, kills it, and judges what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from functions_host.durable.crash import ENVIRONMENT_VARIABLE
from functions_host.durable.store.records import Instance, InstanceQuery, Status
from functions_host.durable.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
HOST = Path(__file__).with_name("durable_fault_host.py")
OUTCOMES = {"chain": 3, "fan": 6, "mixed": ["went", 1, 7], "steered": "repaired"}
STEPS = {"chain": range(3), "fan": range(4), "mixed": [7], "steered": ()}
_PATHS = [ROOT / "local", ROOT / "tests" / "support"]


def start(
    folder: Path, workloads: Iterable[str], count: int, crash_at: str = ""
) -> subprocess.Popen[bytes]:
    """Start a host process, which dies at `crash_at` if that is reached."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _PATHS))}
    environment[ENVIRONMENT_VARIABLE] = crash_at
    if not crash_at:
        del environment[ENVIRONMENT_VARIABLE]
    arguments = [sys.executable, str(HOST), str(folder), ",".join(workloads), str(count)]
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes], timeout_s: float = 90) -> int:
    """Wait for a host process and return its exit code; -9 if it was killed."""
    try:
        _, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    if process.returncode not in {0, -signal.SIGKILL}:
        raise AssertionError(errors.decode())
    return process.returncode


def assert_nothing_lost_or_doubled(folder: Path, workloads: Iterable[str], count: int) -> None:
    """Every instance ended once with its one right outcome, and nothing is left under way."""
    store = SqliteStore(folder / "durable.sqlite3")
    store.open()
    try:
        instances = {
            one.instance_id: one for one in store.list_instances(InstanceQuery()).instances
        }
        for workload in workloads:
            for number in range(count):
                _judge(folder, store, instances, workload, f"{workload}-{number}")
        backlog = store.backlog()
        assert (backlog.messages, backlog.tasks, backlog.timers) == ([], [], [])
    finally:
        store.close()


def _judge(
    folder: Path, store: SqliteStore, instances: dict[str, Instance], workload: str, job: str
) -> None:
    instance = instances[job]
    assert instance.status is Status.COMPLETED, (job, instance.status, instance.output)
    assert json.loads(instance.output or "") == OUTCOMES[workload], job
    for step in STEPS[workload]:
        assert (folder / "ledger" / f"{job}.{step}").exists(), (job, step)
    results = [
        item.fields["TaskScheduledId"]
        for item in store.read_history(job)
        if "TaskScheduledId" in item.fields
    ]
    assert len(results) == len(set(results)), (job, "an activity was answered twice")
    assert f"{job}-victim" not in instances, "a purged instance is back"
    if workload == "mixed":
        child = instances[f"{job}-child"]
        assert (child.status, child.output) == (Status.COMPLETED, "3")
        entity = store.find_entity(f"@counter@{job}")
        assert entity is not None
        assert entity.state == "1", (job, "an entity operation was lost or doubled")
