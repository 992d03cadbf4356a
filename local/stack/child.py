"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_TIMEOUT_S = 20.0


class Child:
    """One started program, in its own session, its output added to a file only its user may read.

    Its own session keeps the terminal's Ctrl-C from it: the parent ends its children itself, in
    order. Where the kernel can, a child is also ended when its parent is killed.
    """

    def __init__(
        self, name: str, arguments: list[str], *, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch(mode=0o600)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                [sys.executable, "-m", *arguments],
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
    def last_words(self) -> str:
        """The end of its output, for an error message."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-15:])

    def kill(self) -> None:
        """End it without notice, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it: ask first, and kill it if it has not ended after 20 s."""
        if self.exit_code is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()


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
