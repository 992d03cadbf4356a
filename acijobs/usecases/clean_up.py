"""Deletes the groups of a job that is over, or of its earlier attempts, until they are seen gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.messages import Deleting, Finished
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp
from acijobs.domain.row import cleaned, tidied
from acijobs.log_lines import tell
from acijobs.usecases.changing import change

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.group import GroupRef
    from acijobs.domain.messages import Reply
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import ContainerGroups, Group, Outside, StoredRow

_STOPPED = frozenset({"Stopped", "Succeeded", "Failed"})


def clean(
    outside: Outside, stored: StoredRow, *, gives_up: bool = False, ignores_keep: bool = False
) -> Reply:
    """Do what is left to do for a closed job: its groups deleted, or the last one stopped and kept.

    Args:
        outside: The outside.
        stored: The job's row.
        gives_up: Whether what fails is noted as failed.
        ignores_keep: Whether the last group goes though it was to be kept.

    Returns:
        Finished, or Deleting where Azure still shows a group.
    """
    stored = tidy(outside, stored, gives_up=gives_up)
    row, group, now = stored.row, stored.row.group, outside.clock.now()
    if row.is_clean:
        return finished(row)
    if row.asked_at is None or group is None:  # earlier attempts only
        return finished(row) if gives_up else _deleting(row)
    is_kept = row.kept_until is not None and now < row.kept_until and not ignores_keep
    detail = "Azure still shows the group"
    try:
        fate = _stop(outside, group) if is_kept else _delete_last(outside, row, group)
    except (RefusedError, BusyError) as error:
        if not gives_up:
            raise
        fate, detail = None, str(error)
    if fate is not None:
        return _note(outside, stored, fate, now)
    return (
        _note(outside, stored, CleanUp.FAILED, now, detail=detail) if gives_up else _deleting(row)
    )


def tidy(outside: Outside, stored: StoredRow, *, gives_up: bool = False) -> StoredRow:
    """Delete the groups that earlier attempts left, as far as Azure lets us; return the row then."""
    for group in stored.row.leftovers:
        try:
            fate = _delete(outside, group, was_created=False)
        except (RefusedError, BusyError):
            if not gives_up:
                raise
            continue
        if fate is None:
            continue
        noted = change(outside.rows(), stored, lambda row, g=group, f=fate: tidied(row, g, f))  # type: ignore[misc]
        stored = noted or outside.rows().read(stored.row.job_id) or stored
        tell("tidied", job=stored.row.job_id, attempt=group.attempt, group=group.name)
    return stored


def finished(row: Row) -> Finished:
    """Return the reply that says how this row ended."""
    progress = row.progress
    return Finished(
        group=progress.group,
        outcome=row.outcome or Outcome(),
        clean_up=progress.clean_up,
        clean_up_detail=progress.clean_up_detail,
        log=row.log,
        times=progress.times,
        owes_callback=row.owes_callback,
    )


def has_stopped(found: Group) -> bool:
    """Tell whether no container of this group runs, or will again."""
    if found.seen.group_state in _STOPPED:
        return True
    states = [container.state for container in found.seen.containers]
    return bool(states) and all(state == "Terminated" for state in states)


def _delete_last(outside: Outside, row: Row, group: GroupRef) -> CleanUp | None:
    return _delete(outside, group, was_created=row.created_at is not None)


def _delete(outside: Outside, group: GroupRef, *, was_created: bool) -> CleanUp | None:
    """Have the group deleted; return what became of it, None while Azure still shows it."""
    groups = outside.groups(group.scope)
    # A group that Azure accepted for this attempt is its own; one that only may have been is looked at.
    if not was_created and not _is_own_or_none(groups, group):
        return CleanUp.NOT_OURS
    groups.delete(group.name)
    return CleanUp.DELETED if groups.get(group.name) is None else None


def _is_own_or_none(groups: ContainerGroups, group: GroupRef) -> bool:
    found = groups.get(group.name)
    return found is None or group.owns(found.tags)


def _stop(outside: Outside, group: GroupRef) -> CleanUp:
    """Stop what still runs: a kept group must not be billed."""
    groups = outside.groups(group.scope)
    found = groups.get(group.name)
    if found is not None and group.owns(found.tags) and not has_stopped(found):
        groups.stop(group.name)
    return CleanUp.KEPT


def _deleting(row: Row) -> Deleting:
    give_up_at = None
    if row.closed_at is not None:
        give_up_at = row.closed_at + timedelta(seconds=row.terms.clean_up_seconds)
    return Deleting(
        outcome=row.outcome or Outcome(), give_up_at=give_up_at, log=row.log, times=row.times
    )


def _note(
    outside: Outside, stored: StoredRow, clean_up: CleanUp, now: datetime, detail: str = ""
) -> Finished:
    noted = change(
        outside.rows(), stored, lambda row: cleaned(row, clean_up, now=now, detail=detail)
    )
    if noted is None:  # somebody else settled it meanwhile
        return finished((outside.rows().read(stored.row.job_id) or stored).row)
    row = noted.row
    tell("cleaned", job=row.job_id, cleanUp=row.clean_up.value, message=detail or None)
    return finished(row)
