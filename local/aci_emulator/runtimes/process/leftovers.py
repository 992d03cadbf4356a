"""Ends what a supervisor left behind that did not live to end it.

Normally nothing is left: supervisors notice the emulator's death and kill their trees. Only when one
was killed itself does a record in the state folder remain, and its processes perhaps too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from aci_emulator.runtimes.process import proctree
from aci_emulator.runtimes.process.supervisor import boot_id

RECORD_SUFFIX = ".pid.json"
_GONE_WITHIN_S = 5.0


def end_leftovers(root: Path) -> int:
    """End every recorded process, remove the folders below `root`, return how many processes ended.

    A process is only killed when it is provably the recorded one (pid and start time on the same
    boot), belongs to its session, or works in its folder.
    """
    ended = sum(end_recorded(path) for path in root.glob(f"*/*{RECORD_SUFFIX}"))
    for folder in root.glob("*/"):
        _remove(folder)
    return ended


def _remove(folder: Path) -> None:
    """A supervisor that was being started when its emulator died may still write its record there."""
    deadline = time.monotonic() + _GONE_WITHIN_S
    shutil.rmtree(folder, ignore_errors=True)
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
        shutil.rmtree(folder, ignore_errors=True)


def end_recorded(path: Path) -> int:
    """End the processes of one record, if it is of this boot, and return how many there were."""
    record = _read(path)
    victims = _victims(record) if record.get("boot_id") == boot_id() else set()
    _end(victims)
    return len(victims)


def _read(path: Path) -> dict[str, Any]:
    """Return a whole and sensible record, or nothing."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    kinds = {"pid": int, "start_ticks": int, "boot_id": str, "folder": str}
    sensible = isinstance(record, dict) and all(
        isinstance(record.get(name), kind) for name, kind in kinds.items()
    )
    return record if sensible else {}


def _victims(record: dict[str, Any]) -> set[int]:
    main: int = record["pid"]
    started: int = record["start_ticks"]
    alive_as = proctree.start_ticks(main)
    ours = alive_as == started
    found = {main, *proctree.descendants(main)} if ours else set()
    for pid in _all_pids():
        if (proctree.start_ticks(pid) or 0) < started:
            continue
        # A session outlives its leader, and its number is not given away while it does; but once it
        # had ended it may have been: hence the folder as a second witness when the leader is gone.
        # The folder alone does not tell our daemon from the shell of someone who looks around.
        in_session = proctree.session(pid) == main
        in_folder = _works_in(pid, record["folder"])
        if (in_session and (ours or in_folder)) or (in_folder and not proctree.has_terminal(pid)):
            found |= {pid, *proctree.descendants(pid)}
    found.discard(os.getpid())
    return found


def _all_pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name.name) for name in Path("/proc").iterdir() if name.name.isdigit()]
    return []


def _works_in(pid: int, folder: str) -> bool:
    try:
        at = os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")  # noqa: PTH115 - a text
    except OSError:
        return False
    return at == folder or at.startswith(f"{folder}/")


def _end(victims: set[int]) -> None:
    identities = {pid: proctree.start_ticks(pid) for pid in victims}
    for pid in victims:
        proctree.kill(pid)
    deadline = time.monotonic() + _GONE_WITHIN_S
    while identities and time.monotonic() < deadline:
        identities = {
            pid: ticks
            for pid, ticks in identities.items()
            if ticks is not None
            and proctree.start_ticks(pid) == ticks
            and not proctree.is_zombie(pid)
        }
        time.sleep(0.005)
