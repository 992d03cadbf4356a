"""Time, real or virtual: nothing in the emulator asks any other clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta

# A woken task may wake another, which may wake another: this many turns of the loop settle the longest
# chain in the emulator (container, supervisor, deployment, operation) with a wide margin.
_SETTLE_TURNS = 64


class Clock(ABC):
    """Tells the time and waits.

    Attributes:
        skew_s: Seconds by which the service's wall clock is ahead of the true one (a fault).
    """

    skew_s = 0.0

    def now(self) -> datetime:
        """Return the service's wall clock, aware UTC, skew included."""
        return self.true_now() + timedelta(seconds=self.skew_s)

    @abstractmethod
    def true_now(self) -> datetime:
        """Return the true time, aware UTC, without the skew."""

    @abstractmethod
    def elapsed_s(self) -> float:
        """Return the seconds since some fixed instant; they never go back and know no skew."""

    @abstractmethod
    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` of this clock's time; at once when it is zero."""

    async def advance(self, step_s: float) -> None:
        """Move a virtual clock on, waking every sleeper in its turn.

        Raises:
            RuntimeError: the clock is the real one.
        """
        raise RuntimeError(f"the clock is real and cannot be advanced by {step_s} s")


class RealClock(Clock):
    """The machine's clock."""

    def true_now(self) -> datetime:
        """Return the machine's wall clock."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """Return the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` real seconds."""
        if delay_s > 0:
            await asyncio.sleep(delay_s)


class VirtualClock(Clock):
    """A clock that stands still until it is advanced.

    Args:
        start: Where it stands at first, aware UTC; None for the machine's present.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime.now(UTC)
        self._elapsed_s = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def true_now(self) -> datetime:
        """Return where the clock stands."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def elapsed_s(self) -> float:
        """Return the virtual seconds since the clock was made."""
        return self._elapsed_s

    async def sleep(self, delay_s: float) -> None:
        """Return once the clock was advanced by `delay_s`."""
        if delay_s <= 0:
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + delay_s, next(self._order), wake))
        await wake

    async def advance(self, step_s: float) -> None:
        """Move on by `step_s`, stopping at every sleeper's time so that all happens in its order."""
        target_s = self._elapsed_s + step_s
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target_s:
            due_s = self._sleepers[0][0]
            self._elapsed_s = max(self._elapsed_s, due_s)
            while self._sleepers and self._sleepers[0][0] <= due_s:
                _, _, wake = heapq.heappop(self._sleepers)
                if not wake.done():
                    wake.set_result(None)
            await _settle()
        self._elapsed_s = target_s


async def _settle() -> None:
    """Let every task that can run do so."""
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)
