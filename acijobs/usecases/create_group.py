"""Creates a job's container group, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acijobs.domain.candidates import Candidate, is_for_good, lack
from acijobs.domain.codec import iso
from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError
from acijobs.domain.messages import Busy, Created, CreateRequest, Refused, Superseded
from acijobs.domain.row import asked, claimed, created, moved
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.watch import ABSENCE_TIME
from acijobs.log_lines import tell
from acijobs.usecases.answering import refusal
from acijobs.usecases.candidates_of import candidates_of
from acijobs.usecases.changing import change
from acijobs.usecases.secrets import ready_for_azure

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from acijobs.domain.candidates import Candidates
    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row, Run
    from acijobs.usecases.ports import Outside, StoredRow

_ABSENCE_PAUSE_S = 5.0

_MOST_MOVES = 10
"""Most candidates that one step asks after the first, so that it ends within the function's time."""


def create_group(outside: Outside, request: CreateRequest) -> Reply:
    """Claim the job for this run, and have its group created.

    A name is used by one attempt only, so a group that is there is the attempt's own. `asked` stands in
    the row before Azure is asked, and `created` after it accepted: a group that was created is never
    asked for again, and one that was asked for only after reads have not found it for a minute, or
    where Azure surely did not take the request.

    Returns:
        Created; Superseded; Refused or Busy, with the job's deadline and the request to cancel.
    """
    rows, run, now = outside.rows(), request.run, outside.clock.now()
    found = rows.read_with_spec(run.job_id)
    if found is None:
        return Superseded()
    stored, spec = found[0], JobSpec.stored(found[1])
    known, wrong_settings = _candidates(outside, stored.row, spec)
    nonce = outside.nonce()
    mine = change(
        rows, stored, lambda row: claimed(row, run, candidates=known, nonce=nonce, now=now)
    )
    if mine is None:
        return Superseded()
    row = mine.row
    if row.created_at is not None:
        return _reply(outside, row)
    if row.group is None:
        return _not_asked(row, wrong_settings, now)
    if row.asked_at != now:
        return _again(outside, mine, request, spec)
    tell("claimed", job=run.job_id, attempt=row.group.attempt, offer=run.offer)
    return _ask(outside, mine, run, spec)


def _candidates(outside: Outside, row: Row, spec: JobSpec) -> tuple[Candidates, Refused | None]:
    try:
        return candidates_of(outside, row, spec), None
    except InvalidSettingsError as error:
        return (), Refused(code="InvalidSettings", message=str(error)[:1000])


def _again(outside: Outside, mine: StoredRow, request: CreateRequest, spec: JobSpec) -> Reply:
    """Adopt what is there; ask again where nothing is, if that is sure enough."""
    row, group, asked_at = mine.row, _group(mine.row), mine.row.asked_at
    now = outside.clock.now()
    try:
        found = outside.groups(group.scope).get(group.name)
    except (RefusedError, BusyError) as error:
        reply = refusal(error, cancel=row.cancel, refused_ask=request.refused_ask)
        return _of_attempt(reply, row)
    if found is not None and not group.owns(found.tags):
        message = f"a container group named '{group.name}' is somebody else's"
        reply = Refused(code="NameTaken", message=message, cancel=row.cancel)
        return _of_attempt(reply, row)
    if found is not None:
        return _note_created(outside, mine, request.run)
    if row.cancel is not None:
        return _cancelled(row)
    is_sure = asked_at is None or request.refused_ask == asked_at
    if not is_sure and asked_at is not None and now - asked_at < ABSENCE_TIME:
        message = "Azure did not say whether it took the group, and does not show it yet"
        return Busy(
            code="GroupNotSeen",
            message=message,
            attempt=row.attempt,
            retry_after_s=_ABSENCE_PAUSE_S,
            deadline=row.queue_deadline,
            cancel=row.cancel,
        )
    asking = change(
        outside.rows(), mine, _of_group(group, lambda row: asked(row, request.run, now=now))
    )
    return _ask(outside, asking, request.run, spec) if asking is not None else Superseded()


def _ask(outside: Outside, mine: StoredRow, run: Run, spec: JobSpec) -> Reply:
    """Ask Azure for the group; where it lacks something, ask each candidate that may have that."""
    asked_in: set[Candidate] = set()
    passing: RefusedError | BusyError | None = None
    while True:
        row = mine.row
        asked_in.add(Candidate.of(_group(row)))
        try:
            _ask_once(outside, row, spec)
        except (RefusedError, BusyError) as error:
            if isinstance(error, BusyError) and not error.is_refused:
                if _take_away_if_over(outside, row):
                    return Superseded()
                return _of_attempt(refusal(error, cancel=row.cancel, refused_ask=None), row)
            elsewhere = _elsewhere(outside, mine, run, spec, error)
            if elsewhere is None:
                reply = refusal(error, cancel=row.cancel, refused_ask=row.asked_at)
                return _of_attempt(reply, row)
            mine = elsewhere
            passing = passing or (None if is_for_good(error.code) else error)
            is_over = Candidate.of(_group(mine.row)) in asked_in or len(asked_in) > _MOST_MOVES
            if is_over or mine.row.cancel is not None:
                return _full_everywhere(mine.row, passing or error)
        else:
            return _note_created(outside, mine, run)


def _ask_once(outside: Outside, row: Row, spec: JobSpec) -> None:
    group = _group(row)
    # Rows of releases that knew one region only do not name it.
    location = group.location or outside.locations()[0]
    with ready_for_azure(outside, row, spec) as ready:
        outside.groups(group.scope).create(
            group.name, ready, group.tags(spec.tags, row.over_at), location=location
        )


def _elsewhere(
    outside: Outside, mine: StoredRow, run: Run, spec: JobSpec, error: RefusedError | BusyError
) -> StoredRow | None:
    """Have another candidate asked where this one lacks what that may have; None where none may."""
    why = lack(error.code)
    known, _ = _candidates(outside, mine.row, spec)
    if why is None or not known:
        return None
    nonce, now = outside.nonce(), outside.clock.now()

    def move(row: Row) -> Row | None:
        elsewhere = moved(row, run, why, candidates=known, nonce=nonce)
        return elsewhere and asked(elsewhere, run, now=now)

    elsewhere = change(outside.rows(), mine, _of_group(_group(mine.row), move))
    if elsewhere is not None:
        group = _group(elsewhere.row)
        tell(
            "moved",
            job=run.job_id,
            attempt=group.attempt,
            code=error.code,
            scope=group.scope.path,
            location=group.location,
        )
    return elsewhere


def _full_everywhere(row: Row, error: RefusedError | BusyError) -> Reply:
    """Return that it is to be asked for again later, from where the row says.

    Args:
        row: The row.
        error: What is told: a refusal that may pass, if there was one.
    """
    after_s = error.retry_after_s if isinstance(error, BusyError) else None
    busy = BusyError(error.code, error.message, retry_after_s=after_s, is_refused=True)
    return _of_attempt(refusal(busy, cancel=row.cancel, refused_ask=row.asked_at), row)


def _of_group(group: GroupRef, step: Callable[[Row], Row | None]) -> Callable[[Row], Row | None]:
    """Return the transition for as long as the row is at this group's attempt.

    An activity that comes late must change nothing of a later attempt.
    """
    return lambda row: (
        step(row) if row.group is not None and row.group.nonce == group.nonce else None
    )


def _note_created(outside: Outside, mine: StoredRow, run: Run) -> Reply:
    now = outside.clock.now()
    step = _of_group(_group(mine.row), lambda row: created(row, run, now=now))
    noted = change(outside.rows(), mine, step)
    if noted is None:
        _take_away_if_over(outside, mine.row)
        return Superseded()
    tell("created", job=run.job_id, attempt=_group(noted.row).attempt, group=_group(noted.row).name)
    return _reply(outside, noted.row)


def _take_away_if_over(outside: Outside, row: Row) -> bool:
    """Delete the group if the attempt was ended while Azure was asked; tell whether it was.

    Nobody else knows of this group for certain: whoever closed the job may not have found it yet.
    """
    group = _group(row)
    current = outside.rows().read(row.job_id)
    now = current.row.group if current is not None and not current.row.is_closed else None
    if now is not None and now.nonce == group.nonce:
        return False
    outside.groups(group.scope).delete(group.name)
    return True


def _reply(outside: Outside, row: Row) -> Created:
    return Created(
        attempt=row.attempt,
        group=_group(row).name,
        accepted_at=row.accepted_at,
        created_at=row.created_at,
        deadline=row.provision_deadline,
        terms=row.terms_left,
        policy=outside.poll_policy(),
        cancel=row.cancel,
    )


def _not_asked(row: Row, wrong_settings: Refused | None, now: datetime) -> Reply:
    """Return why the attempt was not asked for: wrong settings, a cancel, or because it is not due."""
    if wrong_settings is not None and row.cancel is None:
        return replace(wrong_settings, attempt=row.attempt)
    if row.cancel is not None or row.due_at is None:
        return _cancelled(row)
    left_s = max(0.0, (row.due_at - now).total_seconds())
    message = f"attempt {row.attempt} begins at {iso(row.due_at)}"
    return _of_attempt(Busy(code="NotDue", message=message, retry_after_s=left_s), row)


def _cancelled(row: Row) -> Busy:
    return Busy(code="Cancelled", message="cancelled", attempt=row.attempt, cancel=row.cancel)


def _of_attempt(reply: Refused | Busy, row: Row) -> Reply:
    if isinstance(reply, Busy):
        return replace(reply, attempt=row.attempt, deadline=row.queue_deadline)
    return replace(reply, attempt=row.attempt)


def _group(row: Row) -> GroupRef:
    assert row.group is not None, "a claimed row has its group"
    return row.group
