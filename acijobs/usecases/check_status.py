"""Polls a job's container group once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
)
from acijobs.domain.messages import Absent, CheckRequest, Fetched, Seen, Superseded
from acijobs.domain.observation import judge
from acijobs.domain.public_text import public_text
from acijobs.usecases.answering import refusal
from acijobs.usecases.fetch_logs import LogSource, fetch_log

if TYPE_CHECKING:
    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Outside


def check_status(outside: Outside, request: CheckRequest) -> Reply:
    """Return what one read of the group shows, and bring the archived log up to date if that is due.

    Returns:
        Seen or Absent; Superseded; Refused or Busy: each with the request to cancel the job.
    """
    stored = outside.rows().read(request.run.job_id)
    if stored is None or stored.row.is_closed or not stored.row.is_driven_by(request.run):
        return Superseded()
    row, group = stored.row, stored.row.group
    if group is None:
        return Superseded()
    try:
        return _poll(outside, row, group, request)
    except (RefusedError, BusyError) as error:
        return refusal(error, cancel=row.cancel)


def _poll(outside: Outside, row: Row, group: GroupRef, request: CheckRequest) -> Reply:
    groups = outside.groups(group.scope)
    found = groups.get(group.name)
    if found is None or not group.owns(found.tags):
        is_gone = request.confirm_absence and group.name not in groups.listed()
        return Absent(is_confirmed=is_gone, cancel=row.cancel)
    verdict = judge(found.seen, row.terms.restart_policy)
    is_due = request.log_is_due and verdict.stage == "running"
    return Seen(
        stage=verdict.stage,
        outcome=verdict.outcome,
        restarts=verdict.restarts,
        started_at=verdict.times.get("containerStarted"),
        times=verdict.times,
        log=_log(outside, group, request.log_bytes) if is_due else None,
        hindrance=verdict.hindrance.value if verdict.hindrance else "",
        cancel=row.cancel,
    )


def _log(outside: Outside, group: GroupRef, known_bytes: int) -> Fetched:
    """Fetch the log; what goes wrong is told, and made up for by the next fetch."""
    try:
        source = LogSource.of(outside, group)
        return fetch_log(source, has_ended=False, known_bytes=known_bytes)
    except (RefusedError, BusyError, ArchiveConflictError, InvalidSettingsError) as error:
        trouble = public_text(f"{type(error).__name__}: {error}")[:300]
        return Fetched(archived_bytes=known_bytes, trouble=trouble)
