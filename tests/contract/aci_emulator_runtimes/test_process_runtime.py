"""What the process runtime promises beyond the contract, and what it refuses."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.contract import Mount, RuntimeRefusalError
from aci_emulator.runtimes.process import proctree
from aci_emulator.runtimes.process.runtime import ProcessRuntime
from runtime_trials import PATIENCE_S, Trial, gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Trial]:
    """An open process runtime with a prepared group."""
    runtime = ProcessRuntime(tmp_path)
    await runtime.open()
    try:
        trial = Trial(runtime)
        await trial.prepare()
        yield trial
    finally:
        await runtime.close()


async def test_the_environment_is_exactly_the_given_one(trial: Trial) -> None:
    """Nothing but the given variables and, when none is given, a container's usual PATH."""
    _, output = await trial.run("env", environment={"B": "2", "A": "1"})
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert sorted(output.text.splitlines()) == ["A=1", "B=2", f"PATH={path}"]


async def test_a_given_path_is_kept_and_searched(trial: Trial, tmp_path: Path) -> None:
    """The executable is found where the container's own PATH says, and only there."""
    tool = tmp_path / "tools" / "greet"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho hello from $0\n")
    tool.chmod(0o755)
    _, output = await trial.run("greet", environment={"PATH": str(tool.parent)})
    assert output.text == f"hello from {tool}\n"
    with pytest.raises(RuntimeRefusalError, match=r"executable file not found in \$PATH"):
        await trial.start("env", environment={"PATH": str(tool.parent)})


async def test_a_signal_shows_as_128_plus_its_number(trial: Trial) -> None:
    """For any signal that ends the main process."""
    codes = {n: (await trial.run("sh", "-c", f"kill -{n} $$"))[0].exit_code for n in (1, 9, 15)}
    assert codes == {1: 129, 9: 137, 15: 143}


async def test_signals_have_their_default_meaning(trial: Trial) -> None:
    """What Python ignores for itself, a broken pipe for one, is not ignored in the container."""
    _, output = await trial.run("sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status")
    # 32 and 33 are the C library's own, which it blocks and unblocks around a fork as it likes.
    own = 0b11 << 31
    assert [int(line.split()[1], 16) & ~own for line in output.text.splitlines()] == [0, 0]


async def test_it_has_no_descriptors_but_the_three(trial: Trial) -> None:
    """Neither the emulator's sockets nor another container's pipe is inherited."""
    other, _ = await trial.start("sleep", "300")
    # `ls` itself opens the folder it lists: descriptor 3.
    _, output = await trial.run("ls", "/proc/self/fd")
    assert output.text.split() == ["0", "1", "2", "3"]
    await other.stop(0)


async def test_it_leads_a_session_of_its_own(trial: Trial) -> None:
    """A signal to the emulator's terminal or group does not reach it."""
    _, output = await trial.run("sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$")
    session, pid = output.text.split()
    assert session == pid != str(os.getsid(0))


async def test_it_works_in_a_folder_below_the_state_folder(trial: Trial, tmp_path: Path) -> None:
    """Each start has an empty folder, gone with its group."""
    _, output = await trial.run("sh", "-c", "pwd; touch here; ls -A")
    folder, listed = output.text.split()
    assert folder.startswith(f"{tmp_path}/process/")
    assert listed == "here"
    await trial.runtime.remove_group(trial.group)
    assert list((tmp_path / "process").iterdir()) == []


async def test_daemons_end_with_their_container(trial: Trial) -> None:
    """Even those that forked twice, left the session and let go of the output."""
    script = "(setsid sh -c 'echo $$; exec sleep 300 >/dev/null 2>&1' &); sleep 0.2; exit 0"
    _, output = await trial.run("sh", "-c", script)
    assert proctree.start_ticks(int(output.text)) is None


async def test_zombies_are_reaped_while_it_runs(trial: Trial) -> None:
    """Orphans that end are taken note of at once, as by a container's init."""
    script = "for i in 1 2 3; do (sh -c 'echo $$' &); done; sleep 300"
    container, output = await trial.start("sh", "-c", script)
    async with asyncio.timeout(PATIENCE_S):
        while output.text.count("\n") < 3:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        for pid in map(int, output.text.split()):
            while proctree.start_ticks(pid) is not None:  # noqa: ASYNC110 - nobody else tells
                await asyncio.sleep(0.01)
    await container.stop(0)


async def test_output_held_open_outside_the_tree_does_not_delay_the_end(trial: Trial) -> None:
    """The end is the main process's end, not the pipe's, whoever still holds that open."""
    container, output = await trial.start("sh", "-c", "echo $$; sleep 0.5")
    await output.until(b"\n")
    held = os.open(f"/proc/{output.text.strip()}/fd/1", os.O_WRONLY)
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert (await container.wait()).exit_code == 0
    finally:
        os.close(held)


async def test_a_fork_storm_is_ended(trial: Trial) -> None:
    """Processes that keep forking while they are killed are outrun."""
    script = "f() { while :; do (sleep 0.01; :) & done; }; trap '' TERM; echo up; f"
    container, output = await trial.start("sh", "-c", f"ulimit -u 2000; {script}")
    await output.until(b"up")
    await asyncio.sleep(0.1)
    async with asyncio.timeout(PATIENCE_S):
        await container.stop(0)


async def test_without_a_command_it_says_what_to_do(trial: Trial) -> None:
    """An image's entry point is not known here."""
    with pytest.raises(RuntimeRefusalError, match="does not know the entry point") as caught:
        await trial.start()
    assert caught.value.code == "Unsupported"


async def test_a_volume_is_refused(trial: Trial) -> None:
    """A path in the container is a path of this machine: no volume can be shown there."""
    with pytest.raises(RuntimeRefusalError, match=r"'/data'.*docker runtime") as caught:
        await trial.start("true", mounts=(Mount(volume="work", path="/data"),))
    assert caught.value.code == "Unsupported"


async def test_a_killed_supervisor_takes_its_container_along(trial: Trial) -> None:
    """Nothing runs on unsupervised, and the container shows as killed."""
    script = "sleep 300 & echo $PPID $!; wait"
    container, output = await trial.start("sh", "-c", script)
    await output.until(b"\n")
    supervisor, child = map(int, output.text.split())
    proctree.kill(supervisor)
    async with asyncio.timeout(PATIENCE_S):
        assert (await container.wait()).exit_code == 137
        await gone(child)


async def test_hundreds_run_at_once(trial: Trial) -> None:
    """Three hundred containers are alive together, each with its own output and end."""
    started = await asyncio.gather(
        *(trial.start("sh", "-c", f"echo {n}; read x; sleep 300; :") for n in range(300))
    )
    await asyncio.gather(*(output.until(b"%d\n" % n) for n, (_, output) in enumerate(started)))
    await trial.runtime.remove_group(trial.group)
    ends = [await container.wait() for container, _ in started]
    assert {end.exit_code for end in ends} == {137}
