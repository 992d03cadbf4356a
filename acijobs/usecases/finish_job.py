"""Ends a job, or an attempt of it: its log collected, its row changed, its group deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain import measuring
from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError
from acijobs.domain.messages import (
    LOG_NOT_READ,
    Busy,
    DeleteRequest,
    Retrying,
    Superseded,
    merged,
)
from acijobs.domain.observation import judge, with_details
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import LogState
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import another_attempt
from acijobs.domain.row import closed, has_room_elsewhere, retried
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.told import Told
from acijobs.log_lines import tell, words_of
from acijobs.usecases.candidates_of import candidates_of
from acijobs.usecases.changing import change
from acijobs.usecases.clean_up import clean, tidy
from acijobs.usecases.fetch_logs import LOG_TROUBLES, LogSource, fetch_log
from acijobs.usecases.fetch_other_logs import collect_other_logs
from acijobs.usecases.grace import give_grace
from acijobs.usecases.told_by_job import told_so_far

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Outside, StoredRow


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
            drives it by now, or if it is at another attempt. None for an outcome that holds anyway.
        asks_container: Whether a container that has ended decides the outcome in any case.
        retries: Whether the job may be attempted again instead.
        ignores_keep: Whether the group goes though it was to be kept.
    """

    outcome: Outcome
    collects_log: bool = True
    restarts: int = 0
    log: LogState = LogState()
    times: dict[str, datetime] = field(default_factory=dict)
    gives_up: bool = False
    judged: Row | None = None
    asks_container: bool = False
    retries: bool = False
    ignores_keep: bool = False


def finish_job(outside: Outside, request: DeleteRequest) -> Reply:
    """End the job for the run that drives it; a run that repeats this goes on where it was.

    Where its terms allow another attempt, the job is not over, but the attempt is.

    Returns:
        Finished, or Retrying; Deleting or Busy: ask again; Superseded.
    """
    stored = outside.rows().read(request.run.job_id)
    if stored is None or not stored.row.is_driven_by(request.run):
        return Superseded()
    is_cancel = request.outcome.phase is Phase.CANCELLED
    if not stored.row.is_closed and stored.row.attempt > request.attempt and not is_cancel:
        return _retrying(outside, stored, gives_up=request.gives_up)
    if is_cancel and request.gives_grace:
        why = request.outcome.why_cancelled
        waiting = give_grace(outside, stored, request.run, why=why)
        if waiting is not None:
            return waiting
    end = End(
        outcome=request.outcome,
        collects_log=request.collects_log,
        restarts=request.restarts,
        log=request.log,
        times=request.times,
        gives_up=request.gives_up,
        judged=stored.row,
        retries=not is_cancel,
    )
    return end_job(outside, stored, end)


def end_job(outside: Outside, stored: StoredRow, end: End) -> Reply:
    """Collect, close, delete, settle: as much of that as is still to be done.

    The first to close a row decides the outcome, and every other one adopts it.

    Returns:
        Finished; Deleting, where Azure still shows the group; Retrying, where another attempt follows;
        Busy with the code `LogNotRead`, where the log could not be read and nothing was done;
        Superseded, where nothing was done because the job is driven by somebody else than was judged.
    """
    if stored.row.is_closed:
        return clean(outside, stored, gives_up=end.gives_up, ignores_keep=end.ignores_keep)
    now = outside.clock.now()
    if stored.row.group is not None and stored.row.created_at is not None:
        end = _told_by_container(outside, stored.row, stored.row.group, end)
        if end.collects_log:
            try:
                end = replace(end, log=_collect(outside, stored.row.group, end))
            except LOG_TROUBLES as error:
                return Busy(code=LOG_NOT_READ, message=words_of(error))
        end = replace(end, log=collect_other_logs(outside, stored.row, end.log))
    following = _retry(outside, stored, end) if end.retries else None
    if following is not None:
        return _retrying(outside, following, gives_up=end.gives_up)
    done = _close(outside, stored, end, since=now)
    if done is None:
        return Superseded()
    if not done.row.is_closed:  # the same step, delivered twice, has ended the attempt meanwhile
        return _retrying(outside, done, gives_up=end.gives_up)
    return clean(outside, done, gives_up=end.gives_up, ignores_keep=end.ignores_keep)


def _told_by_container(outside: Outside, row: Row, group: GroupRef, end: End) -> End:
    """Look once more where the outcome does not come from the container itself.

    A container that has ended decides itself, before its job counts as cancelled; of one that has not,
    it is noted how it was.
    """
    is_open = end.outcome.phase is Phase.CANCELLED or end.asks_container
    if not is_open and (end.outcome.containers or end.outcome.phase is not Phase.TIMED_OUT):
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
    if is_open and decided is not None and decided.exit_code is not None:
        return replace(seen, outcome=decided)
    told = with_details(end.outcome, found.seen)
    return replace(seen, outcome=replace(told, has_ended=told.has_ended or decided is not None))


def _collect(outside: Outside, group: GroupRef, end: End) -> LogState:
    source = LogSource.of(outside, group)
    fetched = fetch_log(source, has_ended=end.outcome.has_ended, known_bytes=end.log.archived_bytes)
    log = merged(end.log, fetched, has_ended=end.outcome.has_ended)
    # A container that was started again has a new log; the end of the earlier one may be missing.
    return replace(log, truncated=log.truncated or end.restarts > 0)


def _retry(outside: Outside, stored: StoredRow, end: End) -> StoredRow | None:
    """Let another attempt follow, if the job's terms have one; return the row after it."""
    row, now = stored.row, outside.clock.now()
    again = another_attempt(
        row.terms,
        row.job_id,
        row.attempts,
        end.outcome,
        has_room_elsewhere=_has_room_elsewhere(outside, row, end.outcome),
    )
    if again is None or row.at(**end.times).is_paid_out(now):
        return None

    def retry(row: Row) -> Row | None:
        if end.judged is not None and not row.is_at(end.judged):
            return None
        timed = row.at(**end.times)
        return retried(timed, again, end.outcome, now=now, log=end.log, restarts=end.restarts)

    following = change(outside.rows(), stored, retry)
    if following is not None:
        tell(
            "retrying",
            job=row.job_id,
            attempt=following.row.attempt,
            code=end.outcome.reason or None,
            exitCode=end.outcome.exit_code,
        )
        outside.telemetry.record(lambda: [measuring.of_attempt(end.outcome)])
    return following


def _has_room_elsewhere(outside: Outside, row: Row, outcome: Outcome) -> bool:
    """Tell whether Azure had accepted the group and had no room for it, and may have some elsewhere.

    One that was not accepted was asked for everywhere, until its time was over.
    """
    if Reason.of_code(outcome.reason) is not Reason.CAPACITY or row.created_at is None:
        return False
    found = outside.rows().read_with_spec(row.job_id)
    try:
        known = candidates_of(outside, row, JobSpec.stored(found[1])) if found is not None else ()
    except InvalidSettingsError:
        return False
    return has_room_elsewhere(row, known)


def _retrying(outside: Outside, stored: StoredRow, *, gives_up: bool) -> Reply:
    row = tidy(outside, stored, gives_up=gives_up).row
    ended = row.attempts[-1]
    patience = timedelta(seconds=row.terms.clean_up_seconds)
    return Retrying(
        attempt=row.attempt,
        due_at=row.due_at,
        is_clean=not row.leftovers,
        give_up_at=ended.ended_at + patience if ended.ended_at is not None else None,
        outcome=replace(ended.outcome, containers=(), events=()),
    )


def _close(outside: Outside, stored: StoredRow, end: End, *, since: datetime) -> StoredRow | None:
    now, outcome = outside.clock.now(), end.outcome
    told = told_so_far(outside, stored.row.job_id) if stored.row.has_begun else Told()
    times = end.times | {"collecting": since, "cleaning": now}

    def close(row: Row) -> Row | None:
        if end.judged is not None and not row.is_at(end.judged):
            return None
        timed = row.at(**times)
        return closed(timed, outcome, now=now, log=end.log, restarts=end.restarts, told=told)

    done = change(outside.rows(), stored, close)
    if done is None:
        current = outside.rows().read(stored.row.job_id)
        if current is None:
            raise BusyError("RowGone", "the job's row is gone")
        return current if current.row.is_closed or _is_over_for(end, current.row) else None
    tell(
        "closed",
        job=done.row.job_id,
        phase=outcome.phase.value,
        code=outcome.reason or None,
        exitCode=outcome.exit_code,
    )
    outside.telemetry.record(lambda: measuring.of_end(done.row))
    outside.telemetry.add(lambda: measuring.span_of(done.row))
    return done


def _is_over_for(end: End, row: Row) -> bool:
    """Tell whether the attempt that was to be ended has ended, and its driver drives the next."""
    judged = end.judged
    is_later = judged is not None and end.retries and row.attempt > judged.attempt
    return is_later and judged is not None and row.is_claimed and row.claim == judged.claim
