"""A clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(eq=False)
class _Alarm:
    due: datetime
    callback: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class VirtualClock:
    """Implements the engine's `Clock`; time passes only through `advance`, and may be set back."""

    current: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    alarms: list[_Alarm] = field(default_factory=list)
    steady: int = 0

    def now(self) -> datetime:
        """Return the time that was last set."""
        return self.current

    def steady_us(self) -> int:
        """Return the microseconds that have passed, whatever the time was set to."""
        return self.steady

    def set_back(self, step: timedelta) -> None:
        """Show an earlier time; alarms go on counting, as those of the event loop do."""
        self.current -= step
        for alarm in self.alarms:
            alarm.due -= step

    def call_at(self, due: datetime, callback: Callable[[], None]) -> _Alarm:
        """Arrange that `callback` runs once the time was moved to `due`."""
        alarm = _Alarm(due, callback)
        self.alarms.append(alarm)
        return alarm

    def next_due(self) -> datetime | None:
        """Return the time of the next alarm, or None."""
        return min((a.due for a in self.alarms if not a.is_cancelled), default=None)

    def advance(self, step: timedelta) -> None:
        """Move the time; alarms that became due run before this returns."""
        self.current += step
        self.steady += step // timedelta(microseconds=1)
        due = [a for a in self.alarms if not a.is_cancelled and a.due <= self.current]
        self.alarms = [a for a in self.alarms if not a.is_cancelled and a.due > self.current]
        for alarm in due:
            alarm.callback()
