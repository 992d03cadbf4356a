"""Limits for one process tree, through control groups where this user may create them."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_PERIOD_US = 100_000


class ControlGroup:
    """A control group below the caller's own, or nothing where the system refuses one.

    Both hierarchies are served: version 2 when the controllers are delegated to our own group, and
    version 1 with its separate `memory` and `cpu` trees.

    Attributes:
        folders: The folders made, to be removed after a crash by whoever finds them recorded.
        limits_memory: Whether the memory limit holds for the whole tree.
    """

    def __init__(self, name: str, *, cpu: float, memory_bytes: int) -> None:
        self.folders: list[Path] = []
        self.limits_memory = False
        for controller, parent in _parents().items():
            values = _values(controller, cpu, memory_bytes)
            folder = _make(parent / name, values)
            if folder is not None and folder not in self.folders:
                self.folders.append(folder)
            self.limits_memory |= folder is not None and "memory" in controller

    def add(self, pid: int) -> None:
        """The process, and what it will start, is in the group."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                (folder / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How many processes of the group the kernel killed for want of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    pairs = (line.split() for line in (folder / name).read_text().splitlines())
                    return int(dict(pairs).get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """The group is gone; its processes must have ended."""
        for folder in self.folders:
            remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """The control group is gone, unless a process still lives in it."""
    # The kernel lets go of a dead process a moment after its parent has reaped it.
    for _ in range(50):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return


def _parents() -> dict[str, Path]:
    """Our own group per controller (`memory`, `cpu`), or one for both (`cpu memory`)."""
    own = {}
    with contextlib.suppress(OSError):
        for line in _OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            own[controllers] = path.lstrip("/")
    found = {}
    for controllers, path in own.items():
        for controller in {"memory", "cpu"} & set(controllers.split(",")):
            found[controller] = _ROOT / controllers / path
    if not found and "" in own:
        parent = _ROOT / own[""]
        with contextlib.suppress(OSError):
            delegated = (parent / "cgroup.subtree_control").read_text().split()
            if {"cpu", "memory"} <= set(delegated):
                found["cpu memory"] = parent
    return {name: path for name, path in found.items() if os.access(path, os.W_OK)}


def _values(controller: str, cpu: float, memory_bytes: int) -> dict[str, str]:
    quota = str(max(1000, int(cpu * _PERIOD_US)))
    if controller == "cpu":
        return {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": quota}
    if controller == "memory":
        return {"memory.limit_in_bytes": str(memory_bytes)}
    return {"cpu.max": f"{quota} {_PERIOD_US}", "memory.max": str(memory_bytes)}


def _make(folder: Path, values: dict[str, str]) -> Path | None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    try:
        for name, value in values.items():
            (folder / name).write_text(value)
    except OSError:
        remove_folder(folder)
        return None
    return folder
