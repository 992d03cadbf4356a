"""Polls a job's container group once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.messages import Absent, CheckRequest, Fetched, Seen, Superseded
from acijobs.domain.observation import judge
from acijobs.usecases.answering import refusal
from acijobs.usecases.fetch_logs import LogSource, try_to_fetch_log
from acijobs.usecases.fetch_other_logs import fetch_other_logs

if TYPE_CHECKING:
    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.observation import Observation
    from acijobs.domain.progress import ContainerLog
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
    if group is None or row.attempt != (request.attempt or 1):  # a watch that was left behind
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
        other_logs=_other_logs(outside, row, found.seen, request),
        hindrance=verdict.hindrance.value if verdict.hindrance else "",
        cancel=row.cancel,
    )


def _other_logs(
    outside: Outside, row: Row, seen: Observation, request: CheckRequest
) -> dict[str, ContainerLog] | None:
    """Fetch the logs of the others, those before the main container while it waits for them."""
    if not request.log_is_due or not row.terms.other_containers:
        return None
    return fetch_other_logs(outside, row, seen, request.other_logs or {}) or None


def _log(outside: Outside, group: GroupRef, known_bytes: int) -> Fetched:
    return try_to_fetch_log(lambda: LogSource.of(outside, group), known_bytes=known_bytes)
