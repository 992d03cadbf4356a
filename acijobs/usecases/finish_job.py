"""Ends a job: its log collected, its row closed, its group deleted and seen gone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
)
from acijobs.domain.messages import (
    LOG_NOT_READ,
    Busy,
    DeleteRequest,
    Deleting,
    Finished,
    Superseded,
    merged,
)
from acijobs.domain.observation import judge
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp, LogState
from acijobs.domain.public_text import public_text
from acijobs.domain.row import cleaned, closed
from acijobs.log_lines import tell
from acijobs.usecases.changing import change
from acijobs.usecases.fetch_logs import LogSource, fetch_log

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import ContainerGroups, Outside, StoredRow


_LOG_TROUBLES = (RefusedError, BusyError, ArchiveConflictError, InvalidSettingsError)


@dataclass(frozen=True, kw_only=True)
class End:
    """The end that a job is to have.

    Attributes:
        outcome: How it ended, if nobody has decided that before.
        collects_log: Whether to fetch the end of the log first.
        restarts: How often the container was started again.
        log: What is known to be archived.
        times: The timeline, as far as it is known.
        gives_up: Whether a clean-up that fails is noted as failed.
        judged: The row that the outcome was judged by: the job is left alone if somebody else
            drives it by now. None for an outcome that holds whoever drives it.
        asks_container: Whether a container that has ended decides the outcome in any case.
    """

    outcome: Outcome
    collects_log: bool = True
    restarts: int = 0
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)
    gives_up: bool = False
    judged: Row | None = None
    asks_container: bool = False


def finish_job(outside: Outside, request: DeleteRequest) -> Reply:
    """End the job for the run that drives it; a run that repeats this goes on where it was.

    Returns:
        Finished; Deleting or Busy: ask again; Superseded.
    """
    stored = outside.rows().read(request.run.job_id)
    if stored is None or not stored.row.is_driven_by(request.run):
        return Superseded()
    end = End(
        outcome=request.outcome,
        collects_log=request.collects_log,
        restarts=request.restarts,
        log=request.log,
        times=request.times,
        gives_up=request.gives_up,
        judged=stored.row,
    )
    return end_job(outside, stored, end)


def end_job(outside: Outside, stored: StoredRow, end: End) -> Reply:
    """Collect, close, delete, settle: as much of that as is still to be done.

    The first to close a row decides the outcome, and every other one adopts it.

    Returns:
        Finished; Deleting, where Azure still shows the group; Busy with the code `LogNotRead`, where
        the log could not be read and nothing was done; Superseded, where nothing was done because
        the job is driven by somebody else than was judged.
    """
    if stored.row.is_closed:
        return _clean(outside, stored, end)
    now = outside.clock.now()
    if stored.row.group is not None and stored.row.created_at is not None:
        end = _decided_by_container(outside, stored.row, stored.row.group, end)
        if end.collects_log:
            try:
                end = replace(end, log=_collect(outside, stored.row.group, end))
            except _LOG_TROUBLES as error:
                trouble = public_text(f"{type(error).__name__}: {error}")[:300]
                return Busy(code=LOG_NOT_READ, message=trouble)
    done = _close(outside, stored, end, since=now)
    return _clean(outside, done, end) if done is not None else Superseded()


def _decided_by_container(outside: Outside, row: Row, group: GroupRef, end: End) -> End:
    """Poll once more before a job counts as cancelled: a container that has ended decides itself."""
    if end.outcome.phase is not Phase.CANCELLED and not end.asks_container:
        return end
    try:
        found = outside.groups(group.scope).get(group.name)
    except (RefusedError, BusyError):
        return end
    if found is None or not group.owns(found.tags):
        return end
    judged = judge(found.seen, row.terms.restart_policy)
    seen = replace(end, restarts=max(end.restarts, judged.restarts), times=judged.times | end.times)
    decided = judged.outcome
    has_decided = decided is not None and decided.exit_code is not None
    return replace(seen, outcome=decided or end.outcome) if has_decided else seen


def _collect(outside: Outside, group: GroupRef, end: End) -> LogState:
    source = LogSource.of(outside, group)
    fetched = fetch_log(source, has_ended=end.outcome.has_ended, known_bytes=end.log.archived_bytes)
    log = merged(end.log, fetched, has_ended=end.outcome.has_ended)
    # A container that was started again has a new log; the end of the earlier one may be missing.
    return replace(log, truncated=log.truncated or end.restarts > 0)


def _close(outside: Outside, stored: StoredRow, end: End, *, since: datetime) -> StoredRow | None:
    now, outcome = outside.clock.now(), end.outcome
    times = end.times | {"collecting": since, "cleaning": now}

    def close(row: Row) -> Row | None:
        if end.judged is not None and not row.has_driver_of(end.judged):
            return None
        timed = row.at(**times)
        return closed(timed, outcome, now=now, log=end.log, restarts=end.restarts)

    done = change(outside.rows(), stored, close)
    if done is None:
        current = outside.rows().read(stored.row.job_id)
        if current is None:
            raise BusyError("RowGone", "the job's row is gone")
        return current if current.row.is_closed else None
    tell(
        "closed",
        job=done.row.job_id,
        phase=outcome.phase.value,
        code=outcome.reason or None,
        exitCode=outcome.exit_code,
    )
    return done


def _clean(outside: Outside, stored: StoredRow, end: End) -> Reply:
    row, group = stored.row, stored.row.group
    if row.settled or group is None:
        return _finished(row)
    now = outside.clock.now()
    try:
        groups = outside.groups(group.scope)
        if row.created_at is None and not _may_delete(groups, group):
            return _note(outside, stored, CleanUp.NOT_OURS, now)
        groups.delete(group.name)
        is_gone = groups.get(group.name) is None
    except (RefusedError, BusyError) as error:
        if not end.gives_up:
            raise
        return _note(outside, stored, CleanUp.FAILED, now, detail=str(error))
    if is_gone:
        return _note(outside, stored, CleanUp.DELETED, now)
    if end.gives_up:
        return _note(outside, stored, CleanUp.FAILED, now, detail="Azure still shows the group")
    return Deleting(outcome=row.outcome or end.outcome, log=row.log, times=row.times)


def _may_delete(groups: ContainerGroups, group: GroupRef) -> bool:
    # A group that Azure accepted for this attempt is its own; one that only may have been is looked at.
    found = groups.get(group.name)
    return found is None or group.owns(found.tags)


def _note(
    outside: Outside, stored: StoredRow, clean_up: CleanUp, now: datetime, detail: str = ""
) -> Finished:
    noted = change(
        outside.rows(), stored, lambda row: cleaned(row, clean_up, now=now, detail=detail)
    )
    if noted is None:  # somebody else settled it meanwhile
        return _finished((outside.rows().read(stored.row.job_id) or stored).row)
    row = noted.row
    tell("cleaned", job=row.job_id, cleanUp=row.clean_up.value, message=detail or None)
    return _finished(row)


def _finished(row: Row) -> Finished:
    progress = row.progress
    return Finished(
        group=progress.group,
        outcome=row.outcome or Outcome(),
        clean_up=progress.clean_up,
        clean_up_detail=progress.clean_up_detail,
        log=row.log,
        times=progress.times,
    )
