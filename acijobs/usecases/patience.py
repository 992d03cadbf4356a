"""Tries a request again at once, a few times, where Azure is busy for a moment only.

An activity that makes three requests would otherwise start over whenever one of them is refused. What
lasts longer is left to the orchestration, whose timers survive this process and can be cancelled.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from acijobs.domain.errors import BusyError, RowError, StorageError
from acijobs.domain.policy import fraction
from acijobs.usecases.ports import RECONCILER
from acijobs.usecases.recent import RecentAnswers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from acijobs.domain.regions import Capability, Usage
    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.domain.told import Told, ToldProgress
    from acijobs.usecases.ports import (
        Clock,
        ContainerGroups,
        Group,
        Listed,
        Rows,
        Store,
        StoredRow,
        StoredTold,
        Unsettled,
    )

_T = TypeVar("_T")

_TRIES = 5
_STORAGE_TRIES = 3
_LONGEST_PAUSE_S = 5.0
"""Longest Retry-After that is waited for within a step; with five tries a step waits 25 s at most."""

_LONGEST_TIME = timedelta(seconds=40)
"""How long after the first try another one is made. One that is not answered takes a minute: five of
them, for two requests, and the host would end the worker, whose functions have ten minutes."""

_KEEP_ABOUT_REGIONS = timedelta(minutes=5)
"""How long what Azure told of a region is good for: ARM's reads are everybody's."""


class PatientGroups:
    """Container groups that are asked again when they are busy for a moment; implements the port."""

    def __init__(self, groups: ContainerGroups, clock: Clock) -> None:
        self._groups = groups
        self._clock = clock
        self._recent = RecentAnswers(clock, keep=_KEEP_ABOUT_REGIONS)

    def get(self, name: str) -> Group | None:
        """Return the group, or None when a read finds none of this name."""
        return self._patiently(name, lambda: self._groups.get(name))

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group in the list of the resource group, by the group's name."""
        return self._patiently("list", self._groups.listed)

    def create(self, name: str, spec: JobSpec, tags: dict[str, str], *, location: str) -> None:
        """Ask for a group; asked again only where Azure surely did not take the request."""
        self._patiently(
            name,
            lambda: self._groups.create(name, spec, tags, location=location),
            needs_refusal=True,
        )

    def usages(self, location: str) -> tuple[Usage, ...]:
        """Return the subscription's quotas in a region."""
        return self._recent.get(
            ("usages", location),
            lambda: self._patiently(location, lambda: self._groups.usages(location)),
        )

    def capabilities(self, location: str) -> tuple[Capability, ...]:
        """Return how large groups of each kind can be in a region."""
        return self._recent.get(
            ("capabilities", location),
            lambda: self._patiently(location, lambda: self._groups.capabilities(location)),
        )

    def stop(self, name: str) -> None:
        """Ask the group's containers to end."""
        self._patiently(name, lambda: self._groups.stop(name))

    def delete(self, name: str) -> None:
        """Ask for the group's deletion; a group that is not there is fine."""
        self._patiently(name, lambda: self._groups.delete(name))

    def read_log(self, name: str, container: str) -> str | None:
        """Return the newest part of the container's log, each line with its time."""
        return self._patiently(name, lambda: self._groups.read_log(name, container))

    def _patiently(
        self, name: str, request: Callable[[], _T], *, needs_refusal: bool = False
    ) -> _T:
        give_up_at = self._clock.now() + _LONGEST_TIME
        for attempt in range(1, _TRIES):
            try:
                return request()
            except BusyError as error:
                is_late = self._clock.now() >= give_up_at
                asked_s = error.retry_after_s or 0.0
                is_unsure = needs_refusal and not error.is_refused
                is_long = not error.is_brief or asked_s > _LONGEST_PAUSE_S
                if is_long or is_unsure or is_late:
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

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round through jobs of this kind stopped."""
        return self._patiently(of, lambda: self._rows.bookmark(of))

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        self._patiently(of, lambda: self._rows.set_bookmark(place, of))

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled."""
        return self._patiently("unsettled", lambda: self._rows.unsettled(after=after, limit=limit))

    def forget_settled(self, job_id: str) -> None:
        """Take a settled job out of the list."""
        self._patiently(job_id, lambda: self._rows.forget_settled(job_id))

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs."""
        return self._patiently("listed", lambda: self._rows.listed(after=after, limit=limit))

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list."""
        self._patiently(entry.job_id, lambda: self._rows.unlist(entry))

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job."""
        self._patiently(stored.row.job_id, lambda: self._rows.remove(stored))

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        return self._patiently(job_id, lambda: self._rows.told(job_id))

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress."""
        self._patiently(job_id, lambda: self._rows.tell_progress(job_id, progress))

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told."""
        self._patiently(job_id, lambda: self._rows.swap_told(job_id, stored, told))

    def _patiently(self, name: str, request: Callable[[], _T]) -> _T:
        for attempt in range(1, _STORAGE_TRIES):
            try:
                return request()
            except RowError:
                raise  # it will not get better
            except StorageError:
                self._clock.sleep(0.5 * 2**attempt * (1 + fraction(f"{name}:{attempt}") / 4))
        return request()
