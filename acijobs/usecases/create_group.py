"""Creates a job's container group, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acijobs.domain.errors import BusyError, InvalidSettingsError, RefusedError
from acijobs.domain.messages import Busy, Created, CreateRequest, Refused, Superseded
from acijobs.domain.row import asked, claimed, created
from acijobs.domain.spec.job import JobSpec
from acijobs.domain.watch import ABSENCE_TIME
from acijobs.log_lines import tell
from acijobs.usecases.answering import refusal
from acijobs.usecases.changing import change

if TYPE_CHECKING:
    from acijobs.domain.group import GroupRef, Scope
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row, Run
    from acijobs.usecases.ports import Outside, StoredRow

_ABSENCE_PAUSE_S = 5.0


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
        return replace(wrong_settings, cancel=row.cancel) if wrong_settings else _cancelled(row)
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
        return _with_deadline(reply, row)
    if found is not None and not group.owns(found.tags):
        message = f"a container group named '{group.name}' is somebody else's"
        return Refused(code="NameTaken", message=message, cancel=row.cancel)
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
            retry_after_s=_ABSENCE_PAUSE_S,
            deadline=row.provision_deadline,
            cancel=row.cancel,
        )
    asking = change(outside.rows(), mine, lambda row: asked(row, request.run, now=now))
    return _ask(outside, asking, request.run, spec) if asking is not None else Superseded()


def _ask(outside: Outside, mine: StoredRow, run: Run, spec: JobSpec) -> Reply:
    row, group = mine.row, _group(mine.row)
    groups, tags = outside.groups(group.scope), group.tags(spec.tags, row.over_at)
    try:
        groups.create(group.name, spec, tags)
    except (RefusedError, BusyError) as error:
        is_refused = isinstance(error, RefusedError) or error.is_refused
        if not is_refused and _take_away_if_over(outside, row):
            return Superseded()
        refused_ask = row.asked_at if is_refused else None
        reply = refusal(error, cancel=row.cancel, refused_ask=refused_ask)
        return _with_deadline(reply, row)
    return _note_created(outside, mine, run)


def _note_created(outside: Outside, mine: StoredRow, run: Run) -> Reply:
    now = outside.clock.now()
    noted = change(outside.rows(), mine, lambda row: created(row, run, now=now))
    if noted is None:
        _take_away_if_over(outside, mine.row)
        return Superseded()
    tell("created", job=run.job_id, attempt=_group(noted.row).attempt, group=_group(noted.row).name)
    return _reply(outside, noted.row)


def _take_away_if_over(outside: Outside, row: Row) -> bool:
    """Delete the group if the job was closed while Azure was asked; tell whether it was.

    Nobody else knows of this group for certain: whoever closed the job may not have found it yet.
    """
    group = _group(row)
    current = outside.rows().read(row.job_id)
    if current is not None and not current.row.is_closed and current.row.group == group:
        return False
    outside.groups(group.scope).delete(group.name)
    return True


def _reply(outside: Outside, row: Row) -> Created:
    return Created(
        group=_group(row).name,
        accepted_at=row.accepted_at,
        created_at=row.created_at,
        terms=row.terms,
        policy=outside.poll_policy(),
        cancel=row.cancel,
    )


def _cancelled(row: Row) -> Busy:
    return Busy(code="Cancelled", message="cancelled", cancel=row.cancel)


def _with_deadline(reply: Refused | Busy, row: Row) -> Reply:
    return replace(reply, deadline=row.provision_deadline) if isinstance(reply, Busy) else reply


def _group(row: Row) -> GroupRef:
    assert row.group is not None, "a claimed row has its group"
    return row.group
