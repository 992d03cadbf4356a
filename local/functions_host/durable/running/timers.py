"""Wakes the engine when the next timer is due; sleeps otherwise."""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

from functions_host.durable.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions_host.durable.clock import Alarm, Clock
    from functions_host.durable.store.records import Timer


_SET_BACK_US = 1_000_000  # less is a clock that is slewed, and harms nobody


class TimerQueue:
    """All timers that are set, in the order they are due.

    They are due by the wall clock, as their deadlines are. When that is set back, what is left of each
    is what was left before: a job's next poll must not wait until the clock has caught up.

    Args:
        clock: Tells the time and wakes.
        on_due: Called with each timer once it is due.
    """

    def __init__(self, clock: Clock, on_due: Callable[[Timer], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = 0
        self._alarm: Alarm | None = None
        self._alarm_us: int | None = None
        self._seen = self._times()

    def add(
        self, timers: Iterable[Timer], due_us: Callable[[Timer], int] = attrgetter("fire_us")
    ) -> None:
        """Report the timers once they are due."""
        self._follow_clock()
        for timer in timers:
            self._count += 1
            heapq.heappush(self._heap, (due_us(timer), self._count, timer))
        self._set_alarm()

    def stop(self) -> None:
        """Report no timer any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_us = None, None
        self._heap.clear()

    def _set_alarm(self) -> None:
        if not self._heap:
            return
        due_us = self._heap[0][0]
        if self._alarm is not None:
            if self._alarm_us is not None and self._alarm_us <= due_us:
                return
            self._alarm.cancel()
        self._alarm_us = due_us
        self._alarm = self._clock.call_at(from_us(due_us), self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_us = None, None
        self._follow_clock()
        now_us = to_us(self._clock.now())
        while self._heap and self._heap[0][0] <= now_us:
            self._on_due(heapq.heappop(self._heap)[2])
        self._set_alarm()

    def _times(self) -> tuple[int, int]:
        return to_us(self._clock.now()), self._clock.steady_us()

    def _follow_clock(self) -> None:
        """Move every timer back with the wall clock, if it was set back since the last look."""
        now_us, steady_us = self._times()
        behind_us = (steady_us - self._seen[1]) - (now_us - self._seen[0])
        self._seen = now_us, steady_us
        if behind_us > _SET_BACK_US:
            self._heap = [(due_us - behind_us, order, timer) for due_us, order, timer in self._heap]
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm, self._alarm_us = None, None
