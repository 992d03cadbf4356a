"""A clock that a test sets."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """A clock that a test sets; sleeping is only counted."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.current = START
        self.slept: list[float] = []
        self._now = now
        self._ticks = itertools.count()

    def now(self) -> datetime:
        """Return the time: never the same twice, as on a real machine."""
        now = self._now() if self._now else self.current
        return now + timedelta(microseconds=next(self._ticks) % 1000)

    def sleep(self, seconds: float) -> None:
        """Count the pause."""
        self.slept.append(seconds)
