"""The status of a timer; its fields are those of the blob that the real extension writes."""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("functions_host.timers")


class TimerStatus:
    """The last and the next run of a timer, in a file that survives the host.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.last: datetime | None = None
        self.next: datetime | None = None
        self.updated: datetime | None = None

    def read(self) -> None:
        """Take over what the file says; an unreadable file counts as none."""
        try:
            content = json.loads(self._path.read_text("utf-8"))
            self.last, self.next, self.updated = (
                datetime.fromisoformat(content[name]) for name in ("Last", "Next", "LastUpdated")
            )
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, OSError) as error:
            logger.warning(
                "the timer status %s is not readable and starts anew: %s", self._path, error
            )

    def write(self) -> None:
        """Put it on disk, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self.to_json()), "utf-8")
        os.replace(new, self._path)  # noqa: PTH105 - the atomic rename, by its well-known name

    def to_json(self) -> dict[str, str]:
        """Return it as the trigger's data carries it."""
        unset = "0001-01-01T00:00:00+00:00"
        moments = {"Last": self.last, "Next": self.next, "LastUpdated": self.updated}
        return {name: m.isoformat() if m else unset for name, m in moments.items()}
