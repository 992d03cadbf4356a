"""Deletes container groups that have no reason to live.

Their job, or their attempt of it, is over; or there is no such job. It is a part of the Reconciler's
round. The groups are listed first, and each row is read after that: a group's name stands in its row
before there is a group, so what the row then does not name is over.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acijobs.domain.errors import (
    BusyError,
    InvalidSettingsError,
    RefusedError,
    StorageError,
    UnreadableRowError,
)
from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.domain.metrics import GROUP_ORPHANED
from acijobs.log_lines import tell, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from acijobs.domain.group import Scope
    from acijobs.usecases.ports import ContainerGroups, Outside

MAX_SWEPT = 100
"""Most groups that one round deletes because they have no reason to live."""

_MAX_REFUSED = 3
"""Most deletions that Azure may refuse before a scope is left: it may be one group, or all of them."""

_SWEEP_S = 60.0
"""Wall-clock time of a sweep."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep found and did.

    Attributes:
        deleted: How many groups it deleted.
        left: The job of each group of this app that is left, by the path of its scope: of each scope
            that could be listed.
        knows_all: Whether these are all scopes.
    """

    deleted: int = 0
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_all: bool = True


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """Whose a group is by its tags: a job's, and of its attempts that with this nonce."""

    job_id: str
    nonce: str


def sweep(
    outside: Outside,
    *,
    unsettled: set[str],
    nonces: dict[str, str],
    left_in: Collection[Scope] = (),
) -> Swept:
    """Delete the groups of this store that nothing needs, in each scope as far as Azure lets it.

    Args:
        outside: The outside.
        unsettled: The jobs that may need a group.
        nonces: The nonce of the current attempt of each of these that the round has looked at: only if
            a group has another one is its job's row read again.
        left_in: Scopes that such jobs are in, whether or not the settings still name them.
    """
    sweeping = _Sweeping(outside, unsettled, nonces)
    for scope in _in_turn(_scopes(sweeping, left_in)):
        try:
            sweeping.sweep(scope)
        except StorageError:
            raise
        except (BusyError, RefusedError, InvalidSettingsError) as error:
            sweeping.tell_not_swept(error, scope)
    return sweeping.swept


def _scopes(sweeping: _Sweeping, left_in: Collection[Scope]) -> tuple[Scope, ...]:
    """Return each scope once; without those of the settings where these are wrong."""
    try:
        known = sweeping.outside.scopes()
    except InvalidSettingsError as error:
        sweeping.tell_not_swept(error)
        known = ()
    return tuple({scope.path: scope for scope in (*left_in, *known)}.values())


def _in_turn(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return them from a random one on, so that a lack of time does not always cost the same ones."""
    start = random.randrange(len(scopes)) if scopes else 0  # noqa: S311 - no secret
    return scopes[start:] + scopes[:start]


class _Sweeping:
    """One sweep, over one scope after another, with one budget for all.

    Attributes:
        outside: The outside.
    """

    def __init__(self, outside: Outside, unsettled: set[str], nonces: dict[str, str]) -> None:
        self.outside = outside
        self._unsettled = unsettled
        self._nonces = nonces
        self._give_up_at = time.monotonic() + _SWEEP_S
        self._deleted = 0
        self._left: dict[str, tuple[str, ...]] = {}
        self._knows_all = True

    @property
    def swept(self) -> Swept:
        """What it found and did so far."""
        return Swept(deleted=self._deleted, left=dict(self._left), knows_all=self._knows_all)

    def sweep(self, scope: Scope) -> None:
        """Delete what nothing needs in this scope.

        Raises:
            BusyError: earlier scopes used up the sweep's time, or Azure does not list the groups.
        """
        if time.monotonic() > self._give_up_at:
            raise BusyError("SweepTimeOver", "earlier scopes took all of the sweep's time")
        groups, refused = self.outside.groups(scope), 0
        listed = groups.listed()
        ours = {name: own for name, tags in listed.items() if (own := _marks_of(tags, scope))}
        for name, marks in tuple(ours.items()):
            if self._is_over or refused >= _MAX_REFUSED:
                break
            if not _is_stray(self.outside, marks, self._unsettled, self._nonces):
                continue
            try:
                if self._is_gone(groups, name, scope):
                    del ours[name]
            except (BusyError, RefusedError) as error:
                _tell(error, scope)
                if isinstance(error, BusyError) and error.is_brief:
                    break  # it is Azure, and not this group
                refused += 1
        self._left[scope.path] = tuple(marks.job_id for marks in ours.values())

    def _is_gone(self, groups: ContainerGroups, name: str, scope: Scope) -> bool:
        """Delete a group; tell whether it is not to be counted among those that are left.

        It is read right before, as the list is older than its job's row: one that its job has deleted
        meanwhile was no orphan. One that Azure is deleting was counted, if it is an orphan, when that
        was asked for; until it is gone it is left.
        """
        found = groups.get(name)
        if found is None:
            return True
        if found.seen.is_being_deleted:
            return False
        groups.delete(name)
        self._deleted += 1
        tell("swept", group=name, scope=scope.path)
        self.outside.telemetry.record(lambda: [GROUP_ORPHANED.of()])
        return True

    @property
    def _is_over(self) -> bool:
        return self._deleted >= MAX_SWEPT or time.monotonic() > self._give_up_at

    def tell_not_swept(self, error: Exception, scope: Scope | None = None) -> None:
        """Tell why a scope could not be listed; none where it is not known which there are."""
        self._knows_all = False
        _tell(error, scope)


def _tell(error: Exception, scope: Scope | None) -> None:
    where = scope.path if scope is not None else None
    tell("notSwept", level=logging.WARNING, scope=where, message=words_of(error))


def _marks_of(tags: dict[str, str], scope: Scope) -> _Marks | None:
    """Return the marks of a group of this app and store; None for any other group."""
    found = {name.lower(): value for name, value in tags.items()}
    is_ours = found.get(STORE_TAG) == scope.store and found.get(APP_TAG) == scope.app
    marks = _Marks(job_id=found.get(JOB_TAG, ""), nonce=found.get(NONCE_TAG, ""))
    return marks if is_ours and scope.store and marks.job_id and marks.nonce else None


def _is_stray(
    outside: Outside,
    marks: _Marks,
    unsettled: set[str],
    nonces: dict[str, str],
) -> bool:
    job_id, nonce = marks.job_id, marks.nonce
    if job_id in unsettled and nonces.get(job_id, nonce) == nonce:
        return False
    try:
        stored = outside.rows().read(job_id)
    except UnreadableRowError:  # it may be open
        return False
    if stored is None or stored.row.is_clean:
        return True
    row = stored.row
    current = row.group.nonce if row.group is not None else ""
    return current != nonce and (bool(current) or bool(row.attempts))
