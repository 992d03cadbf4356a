"""Nothing outlives an emulator that is killed with SIGKILL."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.runtimes.process import proctree
from aci_emulator.runtimes.process.leftovers import RECORD_SUFFIX
from aci_emulator.runtimes.process.runtime import ProcessRuntime
from aci_emulator.runtimes.process.supervisor import boot_id
from real_jobs import harvest, in_engine, show_a_whole_job
from runtime_emulators import emulator_program, eventually
from runtime_trials import PATIENCE_S, Trial, gone, require_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.fault

ROOT = Path(__file__).resolve().parents[3]
# Prints the pids of: its supervisor, itself, a background child, a daemon in a session of its own.
FAMILY = """
sleep 300 & child=$!
setsid sh -c 'echo $$ >daemon; exec sleep 300 >/dev/null 2>&1' &
while [ ! -s daemon ]; do sleep 0.01; done
echo $PPID $$ $child $(cat daemon)
wait
"""


@contextmanager
def victim(kind: str, state_dir: Path, script: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run a separate emulator's runtime; it is killed at the end if it still lives."""
    path = os.pathsep.join([str(ROOT / "local"), str(ROOT / "tests/support")])
    process = subprocess.Popen(
        [
            sys.executable,
            ROOT / "tests/support/runtime_victim.py",
            kind,
            state_dir,
            "sh",
            "-c",
            script,
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the victim did not start"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def sleeper() -> subprocess.Popen[bytes]:
    """Return a process of ours that no runtime started."""
    return subprocess.Popen(["sleep", "300"], start_new_session=True)


async def test_no_process_is_left_when_the_emulator_is_killed(tmp_path: Path) -> None:
    """Not the command, its children, its daemons, nor our own helpers; no second start is needed."""
    with victim("process", tmp_path, FAMILY) as (process, told):
        supervisor, *family = map(int, told["output"].split())
        assert proctree.parent(supervisor) == process.pid
        process.kill()
        await gone(supervisor, *family)


async def test_the_next_emulator_ends_what_even_the_supervisors_could_not(tmp_path: Path) -> None:
    """With every supervisor killed, recorded processes are found by session, folder and descent."""
    with victim("process", tmp_path, FAMILY) as (process, told):
        supervisor, main, child, daemon = map(int, told["output"].split())
        os.kill(supervisor, signal.SIGSTOP)  # it would notice the emulator's death
        process.kill()
        process.wait()
        os.kill(supervisor, signal.SIGKILL)
        await gone(supervisor, main)
        assert proctree.start_ticks(child)
        assert proctree.start_ticks(daemon)
        runtime = ProcessRuntime(tmp_path)
        await runtime.open()
        try:
            await gone(child, daemon)
            assert list((tmp_path / "process").iterdir()) == []
        finally:
            await runtime.close()


@pytest.mark.parametrize(
    "change",
    [{"start_ticks": 1}, {"boot_id": "another"}, {"pid": 1, "start_ticks": 1}],
    ids=["another start time", "another boot", "the first process"],
)
async def test_a_process_with_a_recycled_pid_is_left_alone(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """Only the very process that was recorded is killed, never one that got its number."""
    with sleeper() as innocent:
        try:
            record = {
                "pid": innocent.pid,
                "start_ticks": proctree.start_ticks(innocent.pid),
                "boot_id": boot_id(),
                "folder": str(tmp_path / "process" / "g" / "c-0"),
                **change,
            }
            (tmp_path / "process" / "g").mkdir(parents=True)
            (tmp_path / "process" / "g" / f"c-0{RECORD_SUFFIX}").write_text(json.dumps(record))
            runtime = ProcessRuntime(tmp_path)
            await runtime.open()
            await runtime.close()
            assert innocent.poll() is None
        finally:
            innocent.kill()


async def test_the_recorded_process_itself_is_ended(tmp_path: Path) -> None:
    """The counterpart of the test above: with the right identity it is killed."""
    with sleeper() as left:
        record: dict[str, Any] = {
            "pid": left.pid,
            "start_ticks": proctree.start_ticks(left.pid),
            "boot_id": boot_id(),
            "folder": str(tmp_path / "process" / "g" / "c-0"),
        }
        (tmp_path / "process" / "g").mkdir(parents=True)
        (tmp_path / "process" / "g" / f"c-0{RECORD_SUFFIX}").write_text(json.dumps(record))
        runtime = ProcessRuntime(tmp_path)
        await runtime.open()
        await runtime.close()
        assert left.wait(PATIENCE_S) == -signal.SIGKILL


DAMAGED = [
    "",
    "{",
    "[]",
    "\0",
    '{"pid": "x"}',
    '{"pid": 1, "start_ticks": null, "boot_id": "", "folder": "/"}',
    '{"pid": 1, "start_ticks": 1, "boot_id": "", "folder": 7}',
]


@pytest.mark.parametrize("text", DAMAGED)
async def test_a_damaged_record_does_not_stop_the_emulator(tmp_path: Path, text: str) -> None:
    """It is thrown away with its folder."""
    (tmp_path / "process" / "g").mkdir(parents=True)
    (tmp_path / "process" / "g" / f"c-0{RECORD_SUFFIX}").write_text(text)
    runtime = ProcessRuntime(tmp_path)
    await runtime.open()
    await runtime.close()
    assert not (tmp_path / "process" / "g").exists()


@pytest.mark.docker
async def test_the_next_emulator_removes_what_a_killed_one_left_in_the_engine(
    tmp_path: Path,
) -> None:
    """Containers and volumes of its state folder go; another state folder's stay."""
    from aci_emulator.runtimes.docker.runtime import DockerRuntime

    address = require_engine()
    other = Trial(DockerRuntime(tmp_path / "other", address))
    await other.runtime.open()
    try:
        await other.prepare()
        container, _ = await other.start("sh", "-c", "sleep 300")
        with victim("docker", tmp_path / "killed", "echo up; sleep 300") as (process, _):
            process.kill()
            process.wait()
        again = DockerRuntime(tmp_path / "killed", address)
        assert await asyncio.to_thread(_count, again.owner) == (2, 1)
        await again.open()
        left = await asyncio.to_thread(_count, again.owner)
        await again.close()
        assert left == (0, 0)
        assert not container._exit.done()  # type: ignore[attr-defined]
    finally:
        await other.runtime.close()


@pytest.mark.docker
@pytest.mark.slow
def test_a_killed_emulator_leaves_nothing_once_it_is_started_again(tmp_path: Path) -> None:
    """What kill -9 left in the engine is removed at the next start, and jobs run as before."""
    require_engine()
    with emulator_program(tmp_path, "docker") as emulator:
        emulator.create("job", harvest(emulator))
        eventually(lambda: "line 1\n" in emulator.logs("job", "main"))
        emulator.process.kill()
        emulator.process.wait()
    containers, volumes = in_engine(tmp_path)
    assert containers >= 2
    assert volumes == 2
    with emulator_program(tmp_path, "docker") as emulator:
        assert in_engine(tmp_path) == (0, 0)
        show_a_whole_job(emulator, "job")
    assert in_engine(tmp_path) == (0, 0)


def _count(owner: str) -> tuple[int, int]:
    """Return how many containers and volumes the engine holds of an emulator."""
    import docker

    api = docker.APIClient(**require_engine().settings, version="auto")
    try:
        filters = {"label": [f"aci-emulator.owner={owner}"]}
        containers = api.containers(all=True, filters=filters)
        return len(containers), len(api.volumes(filters=filters)["Volumes"] or ())
    finally:
        api.close()
