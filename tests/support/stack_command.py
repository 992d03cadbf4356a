"""Runs `python -m stack` as a user does, and finds the programs it started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_APP = Path(__file__).resolve().parents[2]
_ANY_PORTS = ("--port=0", "--arm-port=0")
_STOP_TIMEOUT_S = 60.0


class StackCommand:
    """One running `python -m stack`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def read_until(self, pattern: str) -> re.Match[str]:
        """Return the match in the first line of output, from here on, that the pattern is in."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"it ended without {pattern!r}: {self.finish()}")

    def child(self, program: str) -> int:
        """Return the process id of the child that runs this program."""
        return next(pid for pid in self.children() if program in _arguments(pid))

    def children(self) -> list[int]:
        """Return the process ids of all children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def finish(self) -> tuple[int, str]:
        """Return its exit code and what it wrote as errors, once it has ended."""
        _, errors = self.process.communicate(timeout=_STOP_TIMEOUT_S)
        return self.process.returncode, errors


@contextmanager
def stack_command(
    *arguments: str, state: Path, shell: Mapping[str, str] | None = None
) -> Iterator[StackCommand]:
    """Run the stack on free ports, or those among the arguments; it is ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "stack", *_ANY_PORTS, f"--state={state}", *arguments],
        cwd=_APP,
        env=os.environ | {"PYTHONPATH": "local"} | dict(shell or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield StackCommand(process)
        finally:
            process.terminate()
            process.communicate(timeout=_STOP_TIMEOUT_S)


def is_alive(pid: int) -> bool:
    """Tell whether the process is there."""
    return Path(f"/proc/{pid}").exists()


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
