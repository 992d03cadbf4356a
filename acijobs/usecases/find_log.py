"""Finds one of a job's logs: which attempt's, which container's, and whether it still grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acijobs.domain.errors import UnknownLogError, Violation
from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.job_id import is_valid
from acijobs.usecases.ports import log_key

if TYPE_CHECKING:
    from acijobs.domain.group import GroupRef
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Outside


@dataclass(frozen=True, kw_only=True)
class WantedLog:
    """The log that is asked for.

    Attributes:
        job_id: The job.
        attempt: Number of the attempt, from 1; None for the newest that has a group.
        container: The container.
    """

    job_id: str
    attempt: int | None = None
    container: str = MAIN_CONTAINER


@dataclass(frozen=True, kw_only=True)
class FoundLog:
    """A log that a job has, or will have.

    Attributes:
        job_id: The job.
        attempt: Number of the attempt, from 1.
        container: The container.
        group: The attempt's container group; None while nothing was asked of Azure.
        is_final: Whether nothing is added to it any more.
        is_live: Whether Azure may have more of it than the archive.
        next_attempt: Number of the attempt that followed this one; None where none did.
        truncated: Whether lines are known to be missing.
        known_bytes: Size that its archive is known to have at least; spares a request.
        run_seconds: How long the container may run.
    """

    job_id: str
    attempt: int
    container: str
    group: GroupRef | None = None
    is_final: bool = False
    is_live: bool = False
    next_attempt: int | None = None
    truncated: bool = False
    known_bytes: int = 0
    run_seconds: int = 0

    @property
    def key(self) -> str:
        """Its key in the archive; empty where there is none yet."""
        return log_key(self.group, self.container) if self.group is not None else ""


def find_log(outside: Outside, wanted: WantedLog) -> FoundLog | None:
    """Return the log that is asked for; None where there is no such job.

    Raises:
        StorageError: the job's row cannot be read now.
        UnknownLogError: the job has no such attempt, or no such container.
    """
    if not is_valid(wanted.job_id):
        return None
    stored = outside.rows().read(wanted.job_id)
    if stored is None:
        return None
    _check_container(wanted.container, (MAIN_CONTAINER, *stored.row.terms.other_containers))
    return _found(stored.row, wanted)


def _check_container(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        detail = f"the job has no container {name[:63]!r}; it has {', '.join(known)}"
        raise UnknownLogError(Violation(pointer="?container", detail=detail))


def _found(row: Row, wanted: WantedLog) -> FoundLog:
    groups = (*(ended.group for ended in row.attempts), row.group)
    newest = max((n for n, group in enumerate(groups, 1) if group is not None), default=row.attempt)
    attempt = wanted.attempt or newest
    if attempt > row.attempt:
        known = "attempt 1" if row.attempt == 1 else f"attempts 1 to {row.attempt}"
        detail = f"the job has no attempt {attempt}; it has {known}"
        raise UnknownLogError(Violation(pointer="?attempt", detail=detail))
    is_current, group = attempt == row.attempt, groups[attempt - 1]
    is_final = row.is_closed or not is_current
    state = row.log if is_current else row.attempts[attempt - 1].log
    log = state if wanted.container == MAIN_CONTAINER else state.of(wanted.container)
    return FoundLog(
        job_id=row.job_id,
        attempt=attempt,
        container=wanted.container,
        group=group,
        is_final=is_final,
        is_live=group is not None and not is_final and row.created_at is not None,
        next_attempt=None if is_current else attempt + 1,
        truncated=log.truncated,
        known_bytes=log.archived_bytes,
        run_seconds=row.terms.run_seconds,
    )
