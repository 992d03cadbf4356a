"""The stack in a hostile shell, and when its parts are killed under it."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from stack import job_story
from stack.http import send
from stack_command import is_alive, stack_command

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local_stack import LocalStack
    from stack_command import StackCommand

NOWHERE = "http://127.0.0.1:9"
HOSTILE_SHELL = {
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000002",
    "AZURE_CLIENT_SECRET": "the user's own",
    "AZURE_TOKEN_CREDENTIALS": "dev",
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "ALL_PROXY": NOWHERE,
    "NO_PROXY": "",
}


def test_the_shells_credentials_and_proxies_stay_out_and_its_settings_count(tmp_path: Path) -> None:
    """A job runs with the emulator's identity, without any proxy, by the shell's own command."""
    shell = HOSTILE_SHELL | {"DefaultCommand": '["echo", "chosen in the shell"]'}
    with stack_command("up", state=tmp_path, shell=shell) as command:
        story = _run_job(command, None)
        assert story.lines == ["chosen in the shell"]
        assert story.status["phase"] == "Succeeded"


def test_impatient_interrupts_leave_no_process_and_no_log_for_others(tmp_path: Path) -> None:
    """Ctrl-C again and again ends the stack as once does; its logs are its user's only."""
    with stack_command("up", state=tmp_path) as command:
        command.read_until("Ctrl-C stops everything")
        children = command.children()
        for _ in range(3):
            command.process.send_signal(signal.SIGINT)
        assert command.finish() == (0, "")
    assert len(children) == 2
    assert not any(is_alive(pid) for pid in children)
    logs = {log.name: log.stat().st_mode & 0o777 for log in tmp_path.glob("*.log")}
    assert logs == {"aci_emulator.log": 0o600, "functions_host.log": 0o600}


def test_state_is_the_users_alone(tmp_path: Path) -> None:
    """All of it: rows, logs, the engine's database, keys, the env file; a job's own umask is usual."""
    state = tmp_path / "state"
    with stack_command("up", state=state) as command:
        story = _run_job(command, {"image": "alpine:3.20", "command": ["sh", "-c", "umask"]})
        assert story.lines == ["0022"]
        found = {path: path.stat().st_mode & 0o777 for path in [state, *state.rglob("*")]}
    names = {path.name for path in found}
    assert {"env", "ca.key", "durable.sqlite3-wal", "rows.sqlite", "functions_host.log"} <= names
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}


def test_a_killed_host_is_started_again_and_its_job_goes_on(tmp_path: Path) -> None:
    """At the same address; the job's lines are all there, once."""
    with stack_command("up", state=tmp_path) as command:
        stack = _stack(command)
        spec = {"image": "alpine", "command": ["sh", "-c", "echo before; sleep 6; echo after"]}
        story = job_story.start(stack, spec)
        # A kill in the middle of the create may cost a minute: absence is believed over time only.
        while send("GET", story.started.body["jobUrl"]).body["phase"] in {"Queued", "Creating"}:
            time.sleep(0.1)
        os.kill(command.child("functions_host"), signal.SIGKILL)
        command.read_until("the Functions host ended with code -9: starting it again")
        command.read_until("the Functions host is back")
        job_story.follow(stack, story, lambda _: None, timeout_s=60)
        assert story.lines == ["before", "after"]
        assert story.status["phase"] == "Succeeded"


def test_a_killed_emulator_ends_the_stack_with_the_reason(tmp_path: Path) -> None:
    """Its containers died with it: nothing can go on. The host is ended too."""
    with stack_command("up", state=tmp_path) as command:
        command.read_until("Ctrl-C stops everything")
        host = command.child("functions_host")
        os.kill(command.child("aci_emulator"), signal.SIGKILL)
        code, errors = command.finish()
    assert (code, errors.splitlines()[0]) == (1, "the ACI emulator ended with code -9:")
    assert not is_alive(host)


def test_a_host_killed_during_the_demo_is_named_without_a_traceback(tmp_path: Path) -> None:
    """The demo fails in clear words and leaves nothing."""
    with stack_command("demo", state=tmp_path) as command:
        command.read_until("creating")
        os.kill(command.child("functions_host"), signal.SIGKILL)
        code, errors = command.finish()
    assert (code, errors.splitlines()[0]) == (1, "the Functions host ended with code -9:")
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def _run_job(command: StackCommand, spec: object) -> job_story.JobStory:
    stack = _stack(command)
    story = job_story.start(stack, spec)
    job_story.follow(stack, story, lambda _: None, timeout_s=60)
    return story


def _stack(command: StackCommand) -> LocalStack:
    """Return what a story needs of a stack that another process runs."""
    base_url = command.read_until(r"Functions host +(http://\S+)")[1]
    command.read_until("Ctrl-C stops everything")
    return cast("LocalStack", SimpleNamespace(base_url=base_url, check=lambda: None))
