from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.contract import RuntimeRefusalError
from aci_emulator.runtimes.statelock import StateLock

if TYPE_CHECKING:
    from pathlib import Path

DYING = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(0.3)
"""


def test_what_a_killed_emulator_was_starting_is_waited_for(tmp_path: Path) -> None:
    """Its child has the lock, too, until it runs a program of its own."""
    path = tmp_path / "docker.lock"
    with subprocess.Popen([sys.executable, "-c", DYING, path], stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"locked\n"
        lock = StateLock(path)
        lock.take()
        lock.release()


def test_a_living_emulators_folder_is_refused(tmp_path: Path) -> None:
    """Until it ends."""
    first, second = StateLock(tmp_path / "docker.lock"), StateLock(tmp_path / "docker.lock")
    first.take()
    with pytest.raises(RuntimeRefusalError, match="another emulator is running"):
        second.take()
    first.release()
    second.take()
    second.release()
