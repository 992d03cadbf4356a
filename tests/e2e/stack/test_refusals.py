"""What the stack refuses before it starts or touches anything: one line, exit code 1."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from stack.state_lock import state_lock
from stack_command import stack_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port=80000"], "PORT is '80000', which is not a port from 1 to 65535, or 0 for any\n"),
        (
            ["--arm-port=-1"],
            "ARM_PORT is '-1', which is not a port from 1 to 65535, or 0 for any\n",
        ),
        (["--port=99", "--arm-port=99"], "PORT and ARM_PORT are both 99: choose two ports\n"),
    ],
    ids=["too high", "too low", "twice the same"],
)
def test_impossible_ports_are_refused(tmp_path: Path, arguments: list[str], line: str) -> None:
    """The line names the option as `make` knows it."""
    with stack_command("up", *arguments, state=tmp_path) as command:
        assert command.finish() == (1, line)


def test_a_runtime_that_is_none_is_refused(tmp_path: Path) -> None:
    """With those that there are."""
    with stack_command("up", "--runtime=dokcer", state=tmp_path) as command:
        line = "RUNTIME is 'dokcer', which is none of process, docker, auto\n"
        assert command.finish() == (1, line)


@pytest.mark.parametrize("name", ["up", "demo"])
def test_a_taken_port_is_refused_with_advice_for_this_command(tmp_path: Path, name: str) -> None:
    """The reason is given once, and the advice can be typed as it stands."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = (
            f"port {port} cannot be used (Address already in use): "
            f"choose another, or any free one with make {name} PORT=0\n"
        )
        with stack_command(name, f"--port={port}", state=tmp_path) as command:
            assert command.finish() == (1, line)


def test_a_second_stack_is_refused_before_it_touches_the_first_ones_files(tmp_path: Path) -> None:
    """The first one's log and its emulator's address stay as they are."""
    kept = [tmp_path / "aci_emulator.log", tmp_path / "aci-emulator" / "env"]
    kept[1].parent.mkdir()
    for file in kept:
        file.write_text("the first one's")
    with state_lock(tmp_path), stack_command("up", state=tmp_path) as command:
        assert command.finish() == (
            1,
            f"another stack uses {tmp_path}: choose another with STATE=..., and other ports\n",
        )
    assert [file.read_text() for file in kept] == ["the first one's"] * 2


def test_a_state_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file is no folder."""
    state = tmp_path / "file"
    state.touch()
    with stack_command("up", state=state) as command:
        assert command.finish() == (1, f"the state folder {state} cannot be made: File exists\n")
