"""Emulators killed at any moment, also while they are starting containers."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.contract import RuntimeRefusalError, Volume
from aci_emulator.runtimes.docker.engine import find_engine
from aci_emulator.runtimes.docker.runtime import OWNER_LABEL, DockerRuntime
from aci_emulator.runtimes.process.runtime import ProcessRuntime
from runtime_forwarding import forwarded
from runtime_trials import PATIENCE_S, Trial, require_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.fault

ROOT = Path(__file__).resolve().parents[3]
SEED = 20261123
STORM = """
import asyncio, sys
from pathlib import Path
from runtime_trials import Trial
from runtime_victim import runtime_for

async def main():
    kind, state_dir, *command = sys.argv[1:]
    trial = Trial(runtime_for(kind, Path(state_dir)))
    await trial.runtime.open()
    print("open", flush=True)
    await trial.prepare()
    while True:
        await asyncio.gather(*(trial.start(*command) for _ in range(4)))

asyncio.run(main())
"""


def storm(kind: str, state_dir: Path, *command: str) -> subprocess.Popen[bytes]:
    """Return an emulator's runtime that starts containers without end."""
    path = os.pathsep.join([str(ROOT / "local"), str(ROOT / "tests/support")])
    process = subprocess.Popen(
        [sys.executable, "-c", STORM, kind, state_dir, *command],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    return process


def kill_after(process: subprocess.Popen[bytes], delay_s: float) -> None:
    """The process was killed `delay_s` from now."""
    time.sleep(delay_s)
    process.kill()
    process.communicate()


def living(marker: str) -> Iterator[int]:
    """Yield the processes whose command line or working folder shows the marker."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        if marker in command or marker in folder:
            yield int(entry.name)


def test_no_process_survives_whenever_the_emulator_is_killed(tmp_path: Path) -> None:
    """Twenty-five kills at random moments; every container has a daemon that hides well."""
    rng = random.Random(SEED)
    script = f"(setsid sleep 300 >/dev/null 2>&1 &); : {tmp_path}; sleep 300"
    busiest = 0
    for _ in range(25):
        process = storm("process", tmp_path, "sh", "-c", script)
        time.sleep(rng.uniform(0, 0.8))
        busiest = max(busiest, len(list(living(str(tmp_path)))))
        kill_after(process, 0)
        deadline = time.monotonic() + PATIENCE_S
        while left := list(living(str(tmp_path))):
            assert time.monotonic() < deadline, left
            time.sleep(0.02)
    assert busiest > 20, "the storm was no storm"


async def test_a_killed_emulators_folders_are_removed_by_the_next(tmp_path: Path) -> None:
    """Working folders and records do not pile up."""
    process = storm("process", tmp_path, "sleep", "300")
    await asyncio.to_thread(kill_after, process, 0.3)
    runtime = ProcessRuntime(tmp_path)
    await runtime.open()
    await runtime.close()
    assert list((tmp_path / "process").iterdir()) == []


@pytest.mark.docker
@pytest.mark.slow
async def test_the_engine_is_clean_after_the_next_start_whenever_it_was_killed(
    tmp_path: Path,
) -> None:
    """Six kills at random moments, each followed by an emulator that starts and stops."""
    address = require_engine()
    rng, busiest = random.Random(SEED), 0
    for _ in range(6):
        process = storm("docker", tmp_path, "sleep", "300")
        await asyncio.to_thread(kill_after, process, rng.uniform(0, 1.5))
        runtime = DockerRuntime(tmp_path, address)
        busiest = max(busiest, len(await asyncio.to_thread(in_engine, runtime.owner)))
        await runtime.open()
        left = await asyncio.to_thread(in_engine, runtime.owner)
        await runtime.close()
        assert left == []
    assert busiest > 4, "the storm was no storm"


@pytest.mark.docker
async def test_an_engine_that_went_away_does_not_hold_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping ends in time; what could not be removed is removed once the engine is back."""
    here = require_engine()
    async with forwarded(None) as (port, _):
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
            away = await asyncio.to_thread(find_engine)
        assert away is not None
        runtime = DockerRuntime(tmp_path, away)
        await runtime.open()
        trial = Trial(runtime)
        await trial.prepare(Volume(name="work", kind="emptyDir"))
        container, _ = await trial.start("sleep", "300")
    with pytest.raises(RuntimeRefusalError, match="does not answer"):
        await trial.start("sleep", "300")
    async with asyncio.timeout(PATIENCE_S):
        await runtime.close()
        assert (await container.wait()).exit_code == 137
    assert len(await asyncio.to_thread(in_engine, runtime.owner)) == 2
    again = DockerRuntime(tmp_path, here)
    await again.open()
    left = await asyncio.to_thread(in_engine, again.owner)
    await again.close()
    assert left == []


def in_engine(owner: str) -> list[str]:
    """Return the names of an emulator's containers in the engine."""
    import docker

    api = docker.APIClient(**require_engine().settings, version="auto")
    try:
        found = api.containers(all=True, filters={"label": [f"{OWNER_LABEL}={owner}"]})
        return [one["Names"][0] for one in found]
    finally:
        api.close()
