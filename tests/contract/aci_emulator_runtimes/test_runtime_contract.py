"""What every runtime that really runs something promises the emulated service."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aci_emulator.runtimes.contract import ContainerLaunch, RuntimeRefusalError
from runtime_trials import IMAGE, Output, Trial

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_exit_code_is_the_commands(trial: Trial) -> None:
    """Whatever code the main process ends with is reported, and no detail is invented."""
    ended, _ = await trial.run("sh", "-c", "exit 7")
    assert (ended.exit_code, ended.detail) == (7, "")
    assert (await trial.run("true"))[0].exit_code == 0


async def test_times_are_aware_and_in_order(trial: Trial) -> None:
    """Started, output and end carry UTC times that follow one another."""
    before = datetime.now(UTC)
    container, output = await trial.start("sh", "-c", "echo x")
    ended = await container.wait()
    assert output.times[0].utcoffset() == timedelta(0)
    assert before <= container.started_at <= ended.finished_at
    assert before <= output.times[0] <= datetime.now(UTC)


async def test_a_signal_that_ends_a_process_shows_as_128_plus_its_number(trial: Trial) -> None:
    """As a shell reports it, also through a shell."""
    ended, _ = await trial.run("sh", "-c", "sh -c 'kill -9 $$'; exit $?")
    assert ended.exit_code == 137


async def test_stdout_and_stderr_arrive_in_the_order_they_were_written(trial: Trial) -> None:
    """The two streams are one log, by time of arrival."""
    script = "for i in 1 2 3 4 5; do echo o$i; sleep 0.05; echo e$i >&2; sleep 0.05; done"
    _, output = await trial.run("sh", "-c", script)
    assert output.text.split() == [f"{s}{i}" for i in range(1, 6) for s in "oe"]


async def test_bytes_arrive_untouched_without_a_last_newline(trial: Trial) -> None:
    """Output is bytes: no decoding, no line handling, nothing added at the end."""
    _, output = await trial.run("printf", r"\377\000\r\nend")
    assert output.data == b"\xff\x00\r\nend"


async def test_a_large_output_arrives_whole_though_the_sink_is_slow(trial: Trial) -> None:
    """The container waits for its reader; nothing is dropped and nothing is out of order."""
    digest, size = hashlib.sha256(), 0

    def slow(chunk: bytes, at: datetime) -> None:
        nonlocal size
        digest.update(chunk)
        size += len(chunk)
        time.sleep(0.0005)

    await trial.run("seq", "1", "400000", sink=slow)
    wanted = "".join(f"{n}\n" for n in range(1, 400001)).encode()
    assert size == len(wanted)
    assert digest.digest() == hashlib.sha256(wanted).digest()


async def test_one_line_of_megabytes_arrives_whole(trial: Trial) -> None:
    """No line length is too much."""
    _, output = await trial.run("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x")
    assert output.data == b"x" * 3_000_000


async def test_output_is_given_while_the_container_runs(trial: Trial) -> None:
    """A log can be read long before the end."""
    container, output = await trial.start("sh", "-c", "echo early; sleep 300")
    await output.until(b"early\n")
    await container.stop(0)


async def test_arguments_are_passed_as_they_are(trial: Trial) -> None:
    """No shell reads the command: spaces, variables, globs and quotes mean nothing."""
    _, output = await trial.run("printf", "%s|", "a b", "$HOME", "*", "", "'q'", "é")
    assert output.text == "a b|$HOME|*||'q'|é|"


async def test_the_environment_is_the_given_one(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every given variable arrives unchanged, and none of the emulator's own."""
    monkeypatch.setenv("EMULATOR_SECRET", "leaked")
    given = {"A": "1", "EMPTY": "", "WITH_SPACE": "a b=c", "LONG": "x" * 50_000, "E": "é\n2"}
    _, output = await trial.run(
        "sh",
        "-c",
        'printf "%s|" "$A" "$EMPTY" "$WITH_SPACE" "$E"; echo ${#LONG}; env',
        environment=given,
    )
    assert output.text.startswith("1||a b=c|é\n2|50000\n")
    assert "EMPTY=\n" in output.text
    assert "EMULATOR_SECRET" not in output.text


async def test_standard_input_is_empty(trial: Trial) -> None:
    """A command that reads its input sees its end at once."""
    ended, output = await trial.run("cat")
    assert (ended.exit_code, output.data) == (0, b"")


async def test_a_restart_finds_nothing_of_the_attempt_before(trial: Trial) -> None:
    """A container's own files do not survive its restart, as in ACI."""
    script = "ls; pwd > left; ls"
    for attempt in (0, 1):
        _, output = await trial.run("sh", "-c", f"cd $PWD; {script}", name="same", attempt=attempt)
        assert output.text.split().count("left") == 1


@pytest.mark.parametrize(
    "command", ["no-such-command", "/no/such/command", "/etc"], ids=["name", "path", "folder"]
)
async def test_a_missing_executable_is_refused_by_name(trial: Trial, command: str) -> None:
    """The refusal says which executable, in a container engine's words."""
    with pytest.raises(RuntimeRefusalError, match=r"(not found|no such file|denied)") as caught:
        await trial.start(command)
    assert caught.value.code == "CommandNotFound"
    assert command in str(caught.value)


async def test_stop_lets_the_command_end_itself(trial: Trial) -> None:
    """SIGTERM comes first, and its handler's output and code are kept."""
    script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    container, output = await trial.start("sh", "-c", script)
    await output.until(b"ready")
    await container.stop(PATIENT_GRACE_S)
    ended = await container.wait()
    assert (ended.exit_code, output.text) == (5, "ready\nbye\n")


PATIENT_GRACE_S = 20.0


async def test_stop_kills_what_ignores_it(trial: Trial) -> None:
    """After its grace the container is killed, and that is its exit code."""
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    container, output = await trial.start("sh", "-c", script)
    await output.until(b"ready")
    began = time.monotonic()
    await container.stop(0.3)
    assert time.monotonic() - began >= 0.3
    assert (await container.wait()).exit_code == 137


async def test_stop_after_the_end_is_fine(trial: Trial) -> None:
    """Stopping twice, or what has ended, changes nothing."""
    container, _ = await trial.start("sh", "-c", "exit 3")
    first = await container.wait()
    await container.stop(5)
    await container.stop(0)
    assert await container.wait() == first


async def test_the_container_ends_with_its_main_process(trial: Trial) -> None:
    """What it left in the background neither delays its end nor survives it."""
    script = "sleep 300 & (setsid sleep 300 &); echo started"
    began = time.monotonic()
    ended, output = await trial.run("sh", "-c", script)
    assert (ended.exit_code, output.text) == (0, "started\n")
    assert time.monotonic() - began < 20


async def test_removing_a_group_ends_its_containers(trial: Trial) -> None:
    """Containers of the group end, wait() returns, and removing again is no error."""
    container, _ = await trial.start("sleep", "300")
    await trial.runtime.remove_group(trial.group)
    assert (await container.wait()).exit_code == 137
    await trial.runtime.remove_group(trial.group)
    await trial.runtime.remove_group("never-was")


async def test_one_groups_removal_leaves_another_alone(trial: Trial) -> None:
    """Groups whose keys begin alike are different groups."""
    other = Trial(trial.runtime, group=f"{trial.group}-2")
    await other.prepare()
    container, output = await other.start("sh", "-c", "echo up; sleep 0.5; exit 4")
    await output.until(b"up")
    await trial.runtime.remove_group(trial.group)
    assert (await container.wait()).exit_code == 4


async def test_a_start_in_a_removed_group_is_refused(trial: Trial) -> None:
    """Nothing can appear in a group after its removal."""
    await trial.runtime.remove_group(trial.group)
    with pytest.raises(RuntimeRefusalError) as caught:
        await trial.start("sleep", "300")
    assert caught.value.code == "Unsupported"


@pytest.mark.parametrize("delay_s", [0, 0.002, 0.01, 0.05, 0.1])
async def test_a_start_nobody_waits_for_is_removed_with_its_group(
    trial: Trial, tmp_path: Path, delay_s: float
) -> None:
    """A caller that gives up mid-start leaves nothing that a removal would miss."""
    marker = f"sleep 300; : {tmp_path}"
    starting = asyncio.create_task(trial.start("sh", "-c", marker))
    await asyncio.sleep(delay_s)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    await trial.runtime.remove_group(trial.group)
    assert await asyncio.to_thread(processes_with, marker) == []


def processes_with(marker: str) -> list[str]:
    """Return the pids whose command line shows the marker; a local engine's are seen here, too."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
    return found


async def test_containers_run_side_by_side(trial: Trial) -> None:
    """Each has its own output and its own exit code."""
    count = 40 if trial.runtime.name == "process" else 8
    runs = [trial.run("sh", "-c", f"echo {n}; sleep 0.2; exit {n}") for n in range(count)]
    results = await asyncio.gather(*runs)
    assert [(ended.exit_code, output.text) for ended, output in results] == [
        (n, f"{n}\n") for n in range(count)
    ]


async def test_the_event_loop_stays_free(trial: Trial) -> None:
    """Starting, running and ending containers blocks the loop no longer than the machine a thread."""
    longest = {"loop": 0.0, "thread": 0.0}
    done = threading.Event()

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest["loop"] = max(longest["loop"], time.monotonic() - before)

    def watch_machine() -> None:
        while not done.is_set():
            before = time.monotonic()
            time.sleep(0.01)
            longest["thread"] = max(longest["thread"], time.monotonic() - before)

    watching = asyncio.create_task(watch())
    machine = threading.Thread(target=watch_machine)
    machine.start()
    try:
        await asyncio.gather(*(trial.run("sh", "-c", "seq 1 20000; sleep 0.1") for _ in range(6)))
    finally:
        done.set()
        watching.cancel()
        machine.join()
    assert longest["loop"] < 0.5 + 4 * longest["thread"]


async def test_pull_refuses_what_is_no_reference(trial: Trial) -> None:
    """A malformed image name is an inaccessible image."""
    with pytest.raises(RuntimeRefusalError) as caught:
        await trial.runtime.pull("UPPER CASE//x", ())
    assert caught.value.code == "InaccessibleImage"


async def test_pull_returns_a_digest(trial: Trial) -> None:
    """The same image has the same digest each time."""
    first = await trial.runtime.pull(IMAGE, ())
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64
    assert await trial.runtime.pull(IMAGE, ()) == first


async def test_one_state_folder_has_one_emulator(trial: Trial, state_dir: Path) -> None:
    """A second runtime on the folder is refused: it would remove the first one's containers."""
    second = type(trial.runtime)(*_arguments(trial, state_dir))
    with pytest.raises(RuntimeRefusalError, match="another emulator"):
        await second.open()
    await second.close()


def _arguments(trial: Trial, state_dir: Path) -> tuple[object, ...]:
    if trial.runtime.name == "process":
        return (state_dir,)
    from runtime_trials import require_engine

    return (state_dir, require_engine())


async def test_nothing_is_kept_of_containers_that_ended(trial: Trial) -> None:
    """Descriptors and threads do not grow with the number of containers that have run."""

    async def round_of_runs() -> None:
        await asyncio.gather(*(trial.run("sh", "-c", "echo x") for _ in range(4)))

    await round_of_runs()
    await round_of_runs()
    descriptors, threads = _descriptors(), threading.active_count()
    for _ in range(3):
        await round_of_runs()
    # A pool may hold one idle connection more or less.
    assert _descriptors() <= descriptors + 2
    assert threading.active_count() <= threads + 4


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not walked


async def test_a_nul_in_the_command_is_refused(trial: Trial) -> None:
    """No program can be given one; it is not cut off silently."""
    launch = ContainerLaunch(group=trial.group, name="odd", image=IMAGE, command=("echo", "a\0b"))
    with pytest.raises(RuntimeRefusalError):
        await trial.runtime.start(launch, Output())
