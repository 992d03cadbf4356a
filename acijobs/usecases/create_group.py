"""Creates a job's container group, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acijobs.domain.codec import iso
from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError
from acijobs.domain.messages import Busy, Created, CreateRequest, Refused, Superseded
from acijobs.domain.reasons import Reason, reason_of_azure
from acijobs.domain.row import asked, claimed, created, moved
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.watch import ABSENCE_TIME
from acijobs.log_lines import tell
from acijobs.usecases.answering import refusal
from acijobs.usecases.changing import change
from acijobs.usecases.secrets import ready_for_azure

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from acijobs.domain.group import GroupRef, Scope
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row, Run
    from acijobs.usecases.ports import Outside, StoredRow

_ABSENCE_PAUSE_S = 5.0

_NO_ROOM = frozenset({Reason.CAPACITY, Reason.QUOTA})
_NO_LOCATION = frozenset(
    {"LocationNotAvailableForResourceType", "NoRegisteredProviderFound", "RegionNotSupported"}
)
"""What another location may do better. Source: Resource Manager's common deployment errors."""


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
    scope, wrong_settings = _scope(outside)
    nonce = outside.nonce()
    mine = change(rows, stored, lambda row: claimed(row, run, scope=scope, nonce=nonce, now=now))
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


def _scope(outside: Outside) -> tuple[Scope | None, Refused | None]:
    try:
        return outside.scope(), None
    except InvalidSettingsError as error:
        return None, Refused(code="InvalidSettings", message=str(error)[:1000])


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
    row, group = mine.row, _group(mine.row)
    groups, tags = outside.groups(group.scope), group.tags(spec.tags, row.over_at)
    try:
        with ready_for_azure(outside, row, spec) as ready:
            groups.create(group.name, ready, tags, location=group.location)
    except (RefusedError, BusyError) as error:
        is_refused = isinstance(error, RefusedError) or error.is_refused
        if not is_refused and _take_away_if_over(outside, row):
            return Superseded()
        if is_refused:
            error = _elsewhere(outside, mine, run, error)
        refused_ask = row.asked_at if is_refused else None
        reply = refusal(error, cancel=row.cancel, refused_ask=refused_ask)
        return _of_attempt(reply, row)
    return _note_created(outside, mine, run)


def _elsewhere(
    outside: Outside, mine: StoredRow, run: Run, error: RefusedError | BusyError
) -> RefusedError | BusyError:
    """Have another location asked the next time, where this one has no room: the error is busy then.

    One that Azure does not have is not asked again, so that a job with no other is refused.
    """
    is_none = error.code in _NO_LOCATION
    if not is_none and reason_of_azure(error.code) not in _NO_ROOM:
        return error
    move = _of_group(_group(mine.row), lambda row: moved(row, run, for_good=is_none))
    if change(outside.rows(), mine, move) is None:
        return error
    return BusyError(error.code, error.message, is_refused=True)


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
