"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_TIMEOUT_S = 45.0


class ChildError(Exception):
    """A program ended, or was not ready in time; the text shows its last output."""


class Child:
    """One started program, in its own session, its output added to a file only its user may read.

    Its own session keeps the terminal's Ctrl-C from it: the parent ends its children itself, in
    order. Where the kernel can, a child is also ended when its parent is killed.

    Args:
        name: What messages call it.
        command: The command, looked up in the PATH of its environment.
        environment: Its whole environment.
        log: The file that takes its output.
    """

    def __init__(
        self, name: str, command: list[str], *, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch(mode=0o600)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one call into libc, no locks taken
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Everything it has written."""
        return self.log.read_text("utf-8", "replace")

    @property
    def last_words(self) -> str:
        """The end of its output, for an error message."""
        return "\n".join(self.output.splitlines()[-15:])

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ChildError: it has.
        """
        if self.exit_code is not None:
            raise ChildError(
                f"the {self.name} ended with code {self.exit_code}:\n{self.last_words}"
            )

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until it is ready.

        Raises:
            ChildError: it ended, or the time is over.
        """
        give_up_at = time.monotonic() + timeout_s
        while not is_ready():
            self.check()
            if time.monotonic() > give_up_at:
                raise ChildError(f"the {self.name} did not start in time:\n{self.last_words}")
            time.sleep(0.05)

    def wait(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return self._process.wait()

    def kill(self) -> None:
        """End it without notice, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it: ask first, and kill its session if it has not ended after 45 s."""
        if self.exit_code is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


def python_module(*arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this Python."""
    return [sys.executable, "-m", *arguments]


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether something listens on this loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask
