"""The processor time of processes, and of those they started."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class _Process:
    pid: int
    parent: int
    name: str
    cpu_s: float


def cpu_seconds(pid: int) -> float:
    """Return the processor time of one process, all its threads included."""
    return _read(Path(f"/proc/{pid}")).cpu_s


def engine_cpu_seconds(pid: int) -> dict[str, float]:
    """Return the processor time of an engine's `host` and `worker`.

    Every descendant of the engine's command counts: those named python as the worker, the others
    as the host.
    """
    spent = {"host": 0.0, "worker": 0.0}
    for process in _descendants(pid):
        spent["worker" if process.name.startswith("python") else "host"] += process.cpu_s
    return spent


def _descendants(pid: int) -> Iterator[_Process]:
    children: dict[int, list[_Process]] = {}
    for process in _all_processes():
        children.setdefault(process.parent, []).append(process)
    pending = [pid]
    while pending:
        for child in children.get(pending.pop(), []):
            pending.append(child.pid)
            yield child


def _all_processes() -> Iterator[_Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # ended in between
                yield _read(folder)


def _read(folder: Path) -> _Process:
    # The name stands in parentheses, and may itself hold blanks and parentheses.
    head, _, tail = (folder / "stat").read_text("utf-8", "replace").rpartition(")")
    fields = tail.split()
    return _Process(
        pid=int(folder.name),
        parent=int(fields[1]),
        name=head.partition("(")[2],
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS_PER_S,
    )
