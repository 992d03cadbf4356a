"""Lets a cancelled container end by itself before its group is deleted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
)
from acijobs.domain.messages import STOPPING, Busy
from acijobs.domain.row import stopping
from acijobs.log_lines import tell
from acijobs.usecases.changing import change
from acijobs.usecases.clean_up import has_stopped
from acijobs.usecases.fetch_logs import LogSource, fetch_log

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from acijobs.domain.group import GroupRef
    from acijobs.domain.row import Run
    from acijobs.usecases.ports import Group, Outside, StoredRow

_PAUSE_S = 2.0
_LEAST_PAUSE_S = 1.0
_PAUSE_SHARE = 0.1
"""Pauses between two looks: a share of the time since the stop, so that a history that holds every look
stays short."""


def give_grace(outside: Outside, stored: StoredRow, run: Run, *, why: str) -> Busy | None:
    """Ask the group to stop, once, and return the reply that says so while its time is not over.

    None where there is nothing to wait for (any more). The log is fetched before: Azure keeps little of
    a stopped container's.
    """
    row, group, grace = stored.row, stored.row.group, stored.row.grace
    if not grace or row.is_closed or group is None or row.created_at is None:
        return None
    now = outside.clock.now()
    if row.stopping_at is not None and now >= row.stopping_at + grace:
        return None
    try:
        found = outside.groups(group.scope).get(group.name)
        if found is None or not group.owns(found.tags) or has_stopped(found) or _has_ended(found):
            return None
        if row.stopping_at is None:
            _archive(outside, group)
            outside.groups(group.scope).stop(group.name)
            change(outside.rows(), stored, lambda row: stopping(row, run, why=why, now=now))
            tell("stopping", job=row.job_id, group=group.name)
    except RefusedError as error:  # the right to stop a group may be missing: it is deleted then
        tell("notStopped", level=logging.WARNING, job=row.job_id, message=str(error))
        return None
    return Busy(
        code=STOPPING,
        message="the container may end by itself",
        retry_after_s=_pause_s(now, row.stopping_at or now, grace),
    )


def _pause_s(now: datetime, stopping_at: datetime, grace: timedelta) -> float:
    """Return the seconds until the next look, which is not after the end of the grace."""
    since_s, left_s = (
        (now - stopping_at).total_seconds(),
        (stopping_at + grace - now).total_seconds(),
    )
    pause_s = min(max(_PAUSE_S, since_s * _PAUSE_SHARE), max(left_s, _LEAST_PAUSE_S))
    return round(pause_s, 3)


def _has_ended(found: Group) -> bool:
    return found.seen.main is not None and found.seen.main.state == "Terminated"


def _archive(outside: Outside, group: GroupRef) -> None:
    try:
        fetch_log(LogSource.of(outside, group), has_ended=False)
    except (RefusedError, BusyError, ArchiveConflictError, InvalidSettingsError):
        return  # the end of it is collected, and told of, when the group has stopped
