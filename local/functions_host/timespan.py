"""The .NET `TimeSpan` format, as host.json and timer schedules use it."""

from __future__ import annotations

import re
from datetime import timedelta

_SPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d{1,8})\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2})"
    r"(?::(?P<seconds>\d{1,2})(?:\.(?P<fraction>\d{1,7}))?)?",
    re.ASCII,
)
_DAYS = re.compile(r"\d{1,8}", re.ASCII)
_MAX_DAYS, _MAX_HOURS, _MAX_SIXTIETHS = 10_675_198, 23, 59  # TimeSpan.MaxValue is 10675199.02:48


def parse_timespan(text: str) -> timedelta:
    """Return the duration written as `[-][d.]hh:mm[:ss[.fffffff]]`, or `d` for whole days.

    Raises:
        ValueError: it is not a TimeSpan.
    """
    text = text.strip()
    match = _SPAN.fullmatch(f"{text}.00:00" if _DAYS.fullmatch(text) else text)
    if match is None:
        raise ValueError(f"{text!r} is not a time span like '00:00:30' or '1.00:00:00'")
    part = {name: int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
    if part["days"] > _MAX_DAYS:
        raise ValueError(f"{text!r} is not a time span: at most {_MAX_DAYS} days")
    if part["hours"] > _MAX_HOURS or max(part["minutes"], part["seconds"]) > _MAX_SIXTIETHS:
        raise ValueError(f"{text!r} is not a time span: hours to 23, minutes and seconds to 59")
    fraction_us = int((match["fraction"] or "").ljust(7, "0")[:6] or 0)
    span = timedelta(**part, microseconds=fraction_us)
    return -span if match["sign"] else span
