"""A container's log as Azure shows it: only its newest part, cut anywhere, begun anew by a restart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Window:
    """What one read of the log returned, and what it was cut from.

    Attributes:
        text: What Azure answers.
        start: Offset in the run's whole log, in bytes.
        end: Offset behind its last byte.
        run: Which run of the container wrote it.
        is_stopped: Whether the container had stopped when it was read.
    """

    text: str
    start: int
    end: int
    run: int
    is_stopped: bool


class ServiceLog:
    """The log of one container, with limits small enough for tests.

    Attributes:
        whole: All that the present run has written, stamped: the truth.
        run: Number of the present run.
        is_stopped: Whether the container has stopped.
    """

    def __init__(self, *, running_bytes: int, stopped_bytes: int, stopped_lines: int) -> None:
        self._running_bytes = running_bytes
        self._stopped_bytes = stopped_bytes
        self._stopped_lines = stopped_lines
        self._nanosecond = 0
        self.whole = b""
        self.run = 0
        self.is_stopped = False

    def write(self, text: str, *, ends_line: bool = True, same_time: bool = False) -> None:
        """The container has written this, at a new time or at that of the line before."""
        if not self.whole or self.whole.endswith(b"\n"):
            self._nanosecond += 0 if same_time else 1
            self.whole += f"2026-01-01T00:00:00.{self._nanosecond:09d}Z ".encode()
        self.whole += text.encode() + (b"\n" if ends_line else b"")

    def restart(self) -> None:
        """The container has started again, with an empty log."""
        self.whole = b""
        self.run += 1
        self._nanosecond += 1000

    def stop(self) -> None:
        """The container has stopped, and Azure keeps less of its log."""
        self.is_stopped = True

    def read(self) -> Window:
        """Return what Azure shows now."""
        end = len(self.whole)
        start = max(0, end - (self._stopped_bytes if self.is_stopped else self._running_bytes))
        if self.is_stopped:
            start = max(start, self._start_of_last_lines())
        text = self.whole[start:].decode("utf-8", "replace")
        return Window(text=text, start=start, end=end, run=self.run, is_stopped=self.is_stopped)

    def _start_of_last_lines(self) -> int:
        at = len(self.whole) - 1
        for _ in range(self._stopped_lines):
            at = self.whole.rfind(b"\n", 0, max(at, 0))
        return at + 1
