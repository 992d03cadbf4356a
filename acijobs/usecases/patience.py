"""Tries a request again at once, a few times, where Azure is busy for a moment only.

An activity that makes three requests would otherwise start over whenever one of them is refused. What
lasts longer is left to the orchestration, whose timers survive this process and can be cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from acijobs.domain.errors import BusyError, StorageError
from acijobs.domain.policy import fraction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.ports import (
        Clock,
        ContainerGroups,
        Group,
        Rows,
        Store,
        StoredRow,
        Unsettled,
    )

_T = TypeVar("_T")

_TRIES = 5
_STORAGE_TRIES = 3
_LONGEST_PAUSE_S = 5.0
"""Longest Retry-After that is waited for within a step; with five tries a step waits 25 s at most."""


class PatientGroups:
    """Container groups that are asked again when they are busy for a moment; implements the port."""

    def __init__(self, groups: ContainerGroups, clock: Clock) -> None:
        self._groups = groups
        self._clock = clock

    def get(self, name: str) -> Group | None:
        """Return the group, or None when a read finds none of this name."""
        return self._patiently(name, lambda: self._groups.get(name))

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group in the list of the resource group, by the group's name."""
        return self._patiently("list", self._groups.listed)

    def create(self, name: str, spec: JobSpec, tags: dict[str, str]) -> None:
        """Ask for a group; asked again only where Azure surely did not take the request."""
        self._patiently(name, lambda: self._groups.create(name, spec, tags), needs_refusal=True)

    def delete(self, name: str) -> None:
        """Ask for the group's deletion; a group that is not there is fine."""
        self._patiently(name, lambda: self._groups.delete(name))

    def read_log(self, name: str, container: str) -> str | None:
        """Return the newest part of the container's log, each line with its time."""
        return self._patiently(name, lambda: self._groups.read_log(name, container))

    def _patiently(
        self, name: str, request: Callable[[], _T], *, needs_refusal: bool = False
    ) -> _T:
        for attempt in range(1, _TRIES):
            try:
                return request()
            except BusyError as error:
                asked_s = error.retry_after_s or 0.0
                is_unsure = needs_refusal and not error.is_refused
                if not error.is_brief or is_unsure or asked_s > _LONGEST_PAUSE_S:
                    raise
                pause_s = max(asked_s, 0.25 * 2**attempt)
                self._clock.sleep(pause_s * (1 + fraction(f"{name}:{attempt}") / 4))
        return request()


class PatientRows:
    """The jobs' rows, asked again while storage does not answer for a moment; implements the port.

    For activities only: a user who waits for an answer is told at once.
    """

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    def store(self) -> Store:
        """Return what this store is known by."""
        return self._patiently("store", self._rows.store)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification."""
        return self._patiently(row.job_id, lambda: self._rows.insert(row, spec))

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row."""
        return self._patiently(job_id, lambda: self._rows.read(job_id))

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification."""
        return self._patiently(job_id, lambda: self._rows.read_with_spec(job_id))

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row; a swap that was done though it looked failed is found to be."""
        return self._patiently(changed.job_id, lambda: self._rows.swap(stored, changed))

    def now(self) -> datetime:
        """Return the time by the store's own clock."""
        return self._patiently("now", self._rows.now)

    def bookmark(self) -> str:
        """Return the id where the last round through the unsettled jobs stopped."""
        return self._patiently("bookmark", self._rows.bookmark)

    def set_bookmark(self, job_id: str) -> None:
        """Note where a round stopped."""
        self._patiently("bookmark", lambda: self._rows.set_bookmark(job_id))

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled."""
        return self._patiently("unsettled", lambda: self._rows.unsettled(after=after, limit=limit))

    def forget_settled(self, job_id: str) -> None:
        """Take a settled job out of the list."""
        self._patiently(job_id, lambda: self._rows.forget_settled(job_id))

    def _patiently(self, name: str, request: Callable[[], _T]) -> _T:
        for attempt in range(1, _STORAGE_TRIES):
            try:
                return request()
            except StorageError:
                self._clock.sleep(0.5 * 2**attempt * (1 + fraction(f"{name}:{attempt}") / 4))
        return request()
