"""Timer schedules: NCRONTAB expressions and time spans.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer, and NCrontab, which
requires both the day of the month and the day of the week to match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from functions_host.problems import FunctionLoadError
from functions_host.timespan import parse_timespan

if TYPE_CHECKING:
    from functions_host.loader.metadata import Binding

_FIELD = re.compile(r"[0-9A-Za-z*/,\-]+")
_WORD = re.compile(r"[A-Za-z]+")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIVE, _SIX = 5, 6
_LONGEST_INTERVAL = timedelta(days=365_000)  # about 1,000 years: the next time must be a date
_LONGEST_UNMONITORED = timedelta(minutes=1)


class Schedule(Protocol):
    """The times at which a timer runs."""

    adjusts_for_dst: bool

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence after `moment`, aware UTC."""
        ...


class CronSchedule:
    """An NCRONTAB expression: five fields, or six with the seconds first; UTC.

    Raises:
        ValueError: it is not an expression, or never occurs.
    """

    adjusts_for_dst = True

    def __init__(self, expression: str) -> None:
        from croniter import CroniterError, croniter

        fields = expression.split()
        if len(fields) not in {_FIVE, _SIX}:
            raise ValueError(f"{len(fields)} fields where six (or five, without seconds) belong")
        _check_words(fields)
        self._text = " ".join(_short(field) for field in fields)
        self._croniter = croniter
        try:
            self.next_after(datetime.now(UTC))
        except (CroniterError, ValueError, KeyError) as error:
            raise ValueError(str(error)) from error

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence after `moment`."""
        six = len(self._text.split()) == _SIX
        found = self._croniter(
            self._text, moment.astimezone(UTC), day_or=False, second_at_beginning=six
        )
        occurrence: datetime = found.get_next(datetime)
        return occurrence


def _check_words(fields: list[str]) -> None:
    for index, text in enumerate(reversed(fields)):
        if not _FIELD.fullmatch(text):
            raise ValueError(f"the field {text!r} has letters that NCRONTAB does not know")
        known = {0: _DAYS, 1: _MONTHS}.get(index, ())
        for word in _WORD.findall(text):
            if word.casefold() not in {*known, *(name[:3] for name in known)}:
                raise ValueError(f"the field {text!r} has letters that NCRONTAB does not know")


def _short(text: str) -> str:
    return _WORD.sub(lambda word: word.group(0)[:3].lower(), text)


class ConstantSchedule:
    """Every so often, counted from the last run.

    Raises:
        ValueError: the interval is not longer than zero, or so long that no calendar has its next time.
    """

    adjusts_for_dst = False

    def __init__(self, interval: timedelta) -> None:
        if interval <= timedelta():
            raise ValueError("the time span must be longer than zero")
        if interval > _LONGEST_INTERVAL:
            raise ValueError(f"the time span must be at most {_LONGEST_INTERVAL.days} days")
        self.interval = interval

    def next_after(self, moment: datetime) -> datetime:
        """Return `moment` plus the interval."""
        return moment + self.interval


@dataclass(frozen=True, kw_only=True)
class TimerSettings:
    """A timer trigger.

    Attributes:
        schedule: When it runs.
        text: The schedule as written.
        run_on_startup: Whether it also runs when the host starts.
        use_monitor: Whether its last run is remembered, to notice one that was missed.
    """

    schedule: Schedule
    text: str
    run_on_startup: bool
    use_monitor: bool


def timer_of(function: str, binding: Binding) -> TimerSettings:
    """Return the timer that a binding declares.

    Raises:
        FunctionLoadError: the schedule is missing or is none.
    """
    text = binding.properties.get("schedule")
    if not isinstance(text, str) or not text.strip():
        raise FunctionLoadError(function, f"the timerTrigger {binding.name!r} has no schedule")
    try:
        schedule = parse_schedule(text)
    except ValueError as error:
        raise FunctionLoadError(
            function, f"the schedule expression {text!r} was not recognized as a valid NCRONTAB "
            f"expression or time span: {error}"
        ) from error  # fmt: skip
    return TimerSettings(
        schedule=schedule,
        text=text,
        run_on_startup=bool(binding.properties.get("runOnStartup", False)),
        use_monitor=bool(binding.properties.get("useMonitor", True)) and not _is_frequent(schedule),
    )


def parse_schedule(text: str) -> Schedule:
    """Return the schedule of an NCRONTAB expression or of a time span.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip()
    if " " not in text:
        return ConstantSchedule(parse_timespan(text))
    return CronSchedule(text)


def _is_frequent(schedule: Schedule) -> bool:
    """Tell whether it runs more than once a minute: the real host never monitors those."""
    first = schedule.next_after(datetime.now(UTC))
    return schedule.next_after(first) - first < _LONGEST_UNMONITORED
