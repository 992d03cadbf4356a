"""One Durable engine, served by a command; it can be killed and started again."""

from __future__ import annotations

import os
import shlex
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stack.child import Child, free_port
from stack.local_stack import host_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_START_TIMEOUT_S = 240.0


class Engine:
    """An app's Functions host and worker; not started yet.

    Args:
        command: The command that serves an app on a Durable engine. It gets `--app DIR --state DIR
            --port N --storage CONNECTION --hub NAME` appended.
        options: The values of these options, but for the port and the state.
        environment: Its whole environment: the app's settings.
        state: Its own folder; what it writes itself goes to `STATE.log`.

    Attributes:
        url: Where the app answers, always the same.
    """

    def __init__(
        self,
        command: str,
        options: Mapping[str, str],
        *,
        environment: Mapping[str, str],
        state: Path,
    ) -> None:
        port = free_port()
        given = {**options, "--port": str(port), "--state": str(state)}
        self.url = f"http://127.0.0.1:{port}"
        self._command = [
            *shlex.split(command),
            *(word for option in given.items() for word in option),
        ]
        self._environment = environment
        self._log = state.with_suffix(".log")
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The process id of the command."""
        return self._started.pid

    @property
    def runs(self) -> bool:
        """Whether the command runs, whether or not it answers."""
        return self._child is not None and self._child.exit_code is None

    def start(self) -> None:
        """Start it, or start it again; return once it serves.

        Raises:
            ChildError: it ended, or did not serve in time.
        """
        self._child = Child("engine", self._command, environment=self._environment, log=self._log)
        self._child.wait_until(lambda: host_runs(self.url), timeout_s=_START_TIMEOUT_S)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ChildError: it has.
        """
        self._started.check()

    def kill(self, *roles: str) -> None:
        """Kill its `host`, its `worker`, or both; return once the command has ended, too."""
        self._signal(signal.SIGKILL, *roles)
        self.stop()

    def suspend_worker(self) -> None:
        """Let the worker stand still: what the host asks of it from now on stays in hand."""
        self._signal(signal.SIGSTOP, "worker")

    def stop(self) -> None:
        """End it as the platform does: it may finish what it has in hand."""
        if self._child is not None:
            self._child.stop()

    @property
    def _started(self) -> Child:
        assert self._child is not None, "the engine was not started"
        return self._child

    def _signal(self, number: signal.Signals, *roles: str) -> None:
        """Signal children of the command: python is the worker, the others the host."""
        for pid, name in _children(self.pid):
            if ("worker" if name.startswith("python") else "host") in roles:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


def _children(parent: int) -> Iterator[tuple[int, str]]:
    """Yield the process id and the name of every child of a process."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        with suppress(OSError):  # ended in between
            # The name stands in parentheses, and may itself hold blanks and parentheses.
            head, _, tail = (folder / "stat").read_text("utf-8", "replace").rpartition(")")
            if int(tail.split()[1]) == parent:
                yield int(folder.name), head.partition("(")[2]
