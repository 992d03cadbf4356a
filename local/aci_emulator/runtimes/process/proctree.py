"""What the kernel tells about processes: who descends from whom, and which one a pid really is."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def prctl(option: int, value: int) -> None:
    """Set a process attribute of the caller; nothing happens where there is no prctl."""
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def start_ticks(pid: int) -> int | None:
    """Return a process's boot-relative start time in clock ticks, None when there is none.

    A pid and its start time name one process for ever: pids are reused, pairs are not.
    """
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def parent(pid: int) -> int | None:
    """Return the parent's pid, or None when there is no such process."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def session(pid: int) -> int | None:
    """Return the session id of a process that is not a zombie, or None."""
    fields = _stat(pid)
    return int(fields[3]) if fields and fields[0] != "Z" else None


def has_terminal(pid: int) -> bool:
    """Return whether the process belongs to somebody's terminal."""
    fields = _stat(pid)
    return bool(fields) and fields[4] != "0"


def is_zombie(pid: int) -> bool:
    """Return whether the process has ended and waits for its parent to take note."""
    fields = _stat(pid)
    return bool(fields) and fields[0] == "Z"


def _stat(pid: int) -> list[str]:
    # The second field is the command in parentheses and may itself hold spaces and parentheses.
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """Return a process's direct children, as far as the kernel lists them while they change."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - Path objects cost here
            with contextlib.suppress(OSError):
                listed = Path(f"/proc/{pid}/task/{task}/children").read_text()
                found.extend(map(int, listed.split()))
    return found


def descendants(pid: int) -> list[int]:
    """Return all processes below `pid`, parents before their children."""
    found = children(pid)
    for child in found:
        found.extend(children(child))
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a process the signal, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_group(leader: int) -> None:
    """Kill the leader's process group where nothing tells who descends from whom."""
    if not _LINUX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def end_all_children(within_s: float) -> bool:
    """Kill and reap every descendant of the caller, a child subreaper, unless `within_s` is over.

    Orphans of a subreaper become its children, so that "no child left" means "no descendant left".
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        for pid in descendants(os.getpid()):
            kill(pid)
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if reaped == 0:
            time.sleep(0.001)
    return False
