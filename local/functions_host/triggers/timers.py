"""Runs timer functions when they are due, and remembers when they ran.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer. One
timer never overlaps itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions_host.contract import UserCodeError
from functions_host.invoking.context import Invocation
from functions_host.invoking.invoker import Call
from functions_host.loader.converters import Datum
from functions_host.triggers.timer_status import TimerStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from functions_host.invoking.invoker import Invoker
    from functions_host.plan import Plan
    from functions_host.triggers.schedule import TimerSettings

# Longer sleeps are cut, so that a laptop that slept or changed its clock is noticed.
_LONGEST_SLEEP_S = 60.0


def utc_now() -> datetime:
    """Return the time now, aware UTC."""
    return datetime.now(UTC)


class Timer:
    """One timer function.

    Args:
        settings: Its trigger.
        status: Its memory; None if it is not monitored.
        run: Calls the function with the trigger's data; never raises.
        now: The clock.
    """

    def __init__(
        self,
        settings: TimerSettings,
        status: TimerStatus | None,
        run: Callable[[str], Any],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._status = status
        self._run = run
        self._now = now
        self.due = self._planned_at = now()

    async def start(self) -> None:
        """Run what was missed, or is asked for at the start, and set `due`."""
        now = self._now()
        if self._missed(now):
            await self._fire(is_past_due=True)
        elif self._settings.run_on_startup:
            await self._fire(is_past_due=False)
        self._plan()

    async def fire(self) -> None:
        """Run the function as due; `due` is the next time."""
        await self._fire(is_past_due=False)
        self._plan()

    def _missed(self, now: datetime) -> bool:
        if self._status is None:
            return False
        self._status.read()
        expected = self._status.next
        if expected is None:
            self._status.updated = now
            return False
        if self._status.last is not None:  # the schedule may have changed since
            expected = self._settings.schedule.next_after(self._status.last)
        return expected < now

    async def _fire(self, *, is_past_due: bool) -> None:
        started = self._now()
        await self._run(self.data(is_past_due=is_past_due))
        if self._status is not None:
            self._status.last = max(started, self.due) if not is_past_due else started

    def data(self, *, is_past_due: bool) -> str:
        """Return the trigger's data as JSON."""
        return json.dumps(
            {
                "Schedule": {"AdjustForDST": self._settings.schedule.adjusts_for_dst},
                "ScheduleStatus": None if self._status is None else self._status.to_json(),
                "IsPastDue": is_past_due,
            }
        )

    def replan(self, now: datetime) -> None:
        """Set `due` anew if the clock was set back to before the last look at it."""
        if now < self._planned_at:
            self._plan()

    def _plan(self) -> None:
        now = self._planned_at = self._now()
        self.due = self._settings.schedule.next_after(now)
        if self._status is not None:
            self._status.last = self._status.last or now
            self._status.next, self._status.updated = self.due, now
            self._status.write()


class TimerRunner:
    """Runs every timer of an app.

    Args:
        plan: The app.
        invoker: Calls functions.
        folder: Where the timers' memories are.
    """

    def __init__(self, plan: Plan, invoker: Invoker, folder: Path) -> None:
        self._plan = plan
        self._invoker = invoker
        self._folder = folder
        self._tasks: set[asyncio.Task[None]] = set()
        self._firing: set[str] = set()
        self._timers: dict[str, Timer] = {}
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Run each timer when it is due from now on."""
        for name, settings in self._plan.timers.items():
            status = TimerStatus(self._folder / f"{name}.json") if settings.use_monitor else None
            self._timers[name] = Timer(settings, status, self._call_of(name))
            self._keep(self._live(self._timers[name]))

    async def stop(self) -> None:
        """Start no timer any more; one that runs is left to the invoker's drain."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=0.1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def run_by_hand(self, name: str) -> None:
        """Start the function now, beside its schedule."""
        self._keep(self._call_of(name)(self._timers[name].data(is_past_due=False)))

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, timer: Timer) -> None:
        await timer.start()
        while not await self._stopped_before_due(timer):
            await timer.fire()

    async def _stopped_before_due(self, timer: Timer) -> bool:
        while (left_s := (timer.due - utc_now()) / timedelta(seconds=1)) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(left_s, _LONGEST_SLEEP_S))
            if self._stopping.is_set():
                return True
            timer.replan(utc_now())
        return self._stopping.is_set()

    def _call_of(self, name: str) -> Callable[[str], Any]:
        function = self._plan.app.functions[name]

        async def call(data: str) -> None:
            invocation = Invocation(function=name, kind="timer", reason="timer fired")
            datum = Datum(type="json", value=data)
            with contextlib.suppress(UserCodeError):  # it is in the log
                await self._invoker.invoke(function, Call(invocation=invocation, data=datum))

        return call
