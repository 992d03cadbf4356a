"""One stack at a time per state folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StateTakenError(Exception):
    """Another stack, still running, uses the state folder."""


@contextmanager
def state_lock(state: Path) -> Iterator[None]:
    """Own the state folder until the end of the block or of this process.

    Raises:
        StateTakenError: another stack owns it.
    """
    file = os.open(state / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateTakenError(
                f"another stack uses {state}: choose another with STATE=..., and other ports"
            ) from None
        yield
    finally:
        os.close(file)
