"""One emulator at a time per state folder."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from aci_emulator.runtimes.contract import RuntimeRefusalError

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 2.0
"""A killed emulator's lock lives on for a moment in a child that it was just starting."""


class StateLock:
    """A lock that ends with the process that holds it, however that ends.

    Args:
        path: The lock file; its folder is made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self) -> None:
        """Own, alone, what the folder's earlier emulators left.

        Raises:
            RuntimeRefusalError: `Unsupported`: a living emulator holds it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        if not _is_locked_in_time(fd):
            os.close(fd)
            text = f"another emulator is running with the state folder {self._path.parent}"
            raise RuntimeRefusalError("Unsupported", text)
        self._fd = fd

    def release(self) -> None:
        """Let another emulator use the folder."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _is_locked_in_time(fd: int) -> bool:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.02)
        else:
            return True
