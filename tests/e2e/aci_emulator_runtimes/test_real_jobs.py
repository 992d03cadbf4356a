"""Real containers behind the emulated service, driven by the official SDK alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.process import proctree
from real_jobs import (
    LINES,
    container,
    group,
    harvest,
    in_engine,
    show_a_whole_job,
    wait_for_end,
)
from runtime_emulators import emulator_program, eventually
from runtime_trials import require_engine

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = f"""
i=0
while [ $i -lt {LINES} ]; do i=$((i+1)); echo "line $i"; done
sleep 4
exit 7
"""


@pytest.mark.docker
@pytest.mark.slow
def test_a_job_with_everything_runs_on_an_engine(tmp_path: Path) -> None:
    """Init container, sidecar, emptyDir, secret, exit code, whole log while it runs; then nothing."""
    require_engine()
    with emulator_program(tmp_path, "docker") as emulator:
        show_a_whole_job(emulator, "job")
        assert in_engine(tmp_path) != (0, 0)
        emulator.delete("job")
        assert in_engine(tmp_path) == (0, 0)


@pytest.mark.docker
def test_a_deleted_group_leaves_nothing_however_early(tmp_path: Path) -> None:
    """Deleting while it is being created, or while it runs, removes all of it."""
    require_engine()
    with emulator_program(tmp_path, "docker") as emulator:
        groups = emulator.client.container_groups
        for name in ("at-once", "running"):
            groups.begin_create_or_update(
                emulator.resource_group, name, harvest(emulator), polling=False
            )
            if name == "running":
                eventually(lambda: emulator.state_of("running", "main"))
            emulator.delete(name)
        assert in_engine(tmp_path) == (0, 0)


@pytest.mark.docker
def test_an_image_that_cannot_be_had_fails_the_create(tmp_path: Path) -> None:
    """The engine's refusal comes to the client as ACI's."""
    from azure.core.exceptions import HttpResponseError

    require_engine()
    with emulator_program(tmp_path, "docker") as emulator:
        wanted = group(emulator, container("main", "true"))
        wanted.containers[0].image = "localhost/acijobs/no-such-image:1"
        with pytest.raises(HttpResponseError, match=r"not accessible|registry"):
            emulator.create("bad-image", wanted)
        assert in_engine(tmp_path) == (0, 0)


def test_a_job_runs_as_processes(tmp_path: Path) -> None:
    """Exit code, whole log while it runs, a thousand lines at most afterwards."""
    with emulator_program(tmp_path, "process") as emulator:
        emulator.create("job", group(emulator, container("main", PLAIN)))
        eventually(lambda: f"line {LINES}\n" in emulator.logs("job", "main"))
        assert emulator.state_of("job", "main").state == "Running"
        expected = [f"line {n}" for n in range(1, LINES + 1)]
        assert emulator.logs("job", "main").splitlines() == expected
        ended = wait_for_end(emulator, "job")
        assert ended.containers[0].instance_view.current_state.exit_code == 7
        kept = emulator.logs("job", "main").splitlines()
        assert 0 < len(kept) <= 1000
        assert kept[-1] == expected[-1]


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_no_process_outlives_the_emulator(tmp_path: Path, *, killed: bool) -> None:
    """Neither SIGTERM nor SIGKILL leaves a container's process behind."""
    with emulator_program(tmp_path, "process") as emulator:
        script = "sleep 300 & echo pids $$ $!; wait"
        emulator.create("job", group(emulator, container("main", script)))
        log = eventually(lambda: emulator.logs("job", "main"))
        pids = [int(word) for word in log.split()[1:]]
        assert all(proctree.start_ticks(pid) for pid in pids)
        if killed:
            emulator.process.kill()
            emulator.process.wait()
    eventually(lambda: not any(proctree.start_ticks(pid) for pid in pids))
