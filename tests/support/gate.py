"""A gate in a job's script: its container goes on when the test says so, on machines of any speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A file that a script waits for; the process runtime's containers see it.

    Attributes:
        path: The file.
    """

    path: Path

    @property
    def wait(self) -> str:
        """The command of a shell that waits until the gate is open."""
        return f"while [ ! -e '{self.path}' ]; do sleep 0.1; done"

    def open(self) -> None:
        """Let the container go on."""
        self.path.touch()
