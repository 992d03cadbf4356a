"""Time as the engine sees it: one seam, so that tests can skip days."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_SLEEP_S = 60.0  # bounds how late a timer fires after the wall clock was set forward


class Alarm(Protocol):
    """A wake-up that can be taken back."""

    def cancel(self) -> None:
        """Keep the callback from running, unless it already did."""
        ...


class Clock(Protocol):
    """Tells the time and wakes the engine at a time."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        ...

    def steady_us(self) -> int:
        """Return microseconds that nobody can set back; only their differences mean something."""
        ...

    def call_at(self, due: datetime, callback: Callable[[], None]) -> Alarm:
        """Arrange that `callback` runs on the event loop at `due`, or somewhat earlier."""
        ...


class SystemClock:
    """The machine's wall clock, with asyncio timers."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        return datetime.now(UTC)

    def steady_us(self) -> int:
        """Return the microseconds of the machine's monotonic clock."""
        return time.monotonic_ns() // 1_000

    def call_at(self, due: datetime, callback: Callable[[], None]) -> Alarm:
        """Arrange that `callback` runs at `due`, or after at most a minute to look again."""
        delay_s = min(max((due - self.now()).total_seconds(), 0.0), _LONGEST_SLEEP_S)
        return asyncio.get_running_loop().call_later(delay_s, callback)


def call_later(clock: Clock, delay_s: float, callback: Callable[[], None]) -> None:
    """Arrange that `callback` runs once this much time of the clock has passed, and no earlier."""
    due = clock.now() + timedelta(seconds=delay_s)

    def ring() -> None:
        if clock.now() >= due:
            callback()
        else:
            clock.call_at(due, ring)

    clock.call_at(due, ring)


def to_us(moment: datetime) -> int:
    """Return the whole microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=microseconds)
