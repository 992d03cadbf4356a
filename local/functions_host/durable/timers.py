"""Wakes the engine when the next timer is due; sleeps otherwise."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from functions_host.durable.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions_host.durable.clock import Alarm, Clock
    from functions_host.durable.store.records import Timer


class TimerQueue:
    """All timers that are set, in the order they are due.

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

    def add(self, timers: Iterable[Timer]) -> None:
        """The timers will be reported when they are due."""
        for timer in timers:
            self._count += 1
            heapq.heappush(self._heap, (timer.fire_us, self._count, timer))
        self._set_alarm()

    def stop(self) -> None:
        """No timer is reported any more."""
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
        now_us = to_us(self._clock.now())
        while self._heap and self._heap[0][0] <= now_us:
            self._on_due(heapq.heappop(self._heap)[2])
        self._set_alarm()
