"""The ports: all that the use cases need from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from acijobs.domain.group import GroupRef, Scope
    from acijobs.domain.observation import Observation
    from acijobs.domain.policy import PollPolicy
    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.logs.window import ArchivedEnd


@dataclass(frozen=True, kw_only=True)
class StoredRow:
    """A row as it was read.

    Attributes:
        row: What it held.
        version: Which version of it that was; a swap states it.
        stored: The JSON data it was read from; a swap keeps what this release cannot read.
    """

    row: Row
    version: str
    stored: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Store:
    """The identity of a store of rows; made at random when the store is first used.

    Attributes:
        id: Marks this store's container groups.
        digest_key: Key of the digests of what was submitted.
    """

    id: str
    digest_key: bytes


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """A job that may not be settled.

    Attributes:
        job_id: The job.
        accepted_at: When it was submitted, None where the list does not say.
        over_at: When it is over at the latest, likewise.
    """

    job_id: str
    accepted_at: datetime | None = None
    over_at: datetime | None = None


class Rows(Protocol):
    """The jobs' rows: one per job, changed by compare-and-swap only.

    Every method raises `StorageError` when the store does not answer, or not usefully; a change may
    then have been made or not.
    """

    def store(self) -> Store:
        """Return what this store is known by, always the same."""
        ...

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification; from then on it is unsettled.

        Raises:
            RowExistsError: there is a job of this id.
        """
        ...

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row, None when there is no job of this id."""
        ...

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification, None when there is no job of this id."""
        ...

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row, if it still is as it was read; a settled row stops being unsettled.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        ...

    def now(self) -> datetime:
        """Return the time by the store's own clock, which all processes share."""
        ...

    def bookmark(self) -> str:
        """Return the id where the last round through the unsettled jobs stopped; empty at the start."""
        ...

    def set_bookmark(self, job_id: str) -> None:
        """Note where a round stopped, so that the next one goes on there."""
        ...

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled, ordered by id, after this one.

        A job whose change was cut short may be listed though it is settled, or has no row.
        """
        ...

    def forget_settled(self, job_id: str) -> None:
        """Take a job that is settled, or has no row, out of the list of unsettled ones."""
        ...


@dataclass(frozen=True, kw_only=True)
class Group:
    """A container group as it was found.

    Attributes:
        name: Its name.
        tags: Its tags.
        seen: What it showed.
    """

    name: str
    seen: Observation
    tags: dict[str, str] = field(default_factory=dict)


class ContainerGroups(Protocol):
    """The container groups of one resource group.

    Every method raises `RefusedError` for what asking again will not mend, `BusyError` for what it
    may, and waits for no long-running operation.
    """

    def get(self, name: str) -> Group | None:
        """Return the group, or None when a read finds none of this name, which proves little."""
        ...

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group in the list of the resource group, by the group's name."""
        ...

    def create(self, name: str, spec: JobSpec, tags: dict[str, str]) -> None:
        """Ask for a group that runs this specification; return once Azure accepted it."""
        ...

    def delete(self, name: str) -> None:
        """Ask for the group's deletion; a group that is not there is fine."""
        ...

    def read_log(self, name: str, container: str) -> str | None:
        """Return the newest part of the container's log, each line with its time.

        None when Azure has no log yet, or no longer.
        """
        ...


class LogArchive(Protocol):
    """The archive of logs: one for each container of each attempt, never overwritten.

    Every method raises `StorageError` when the archive does not answer, or not usefully.
    """

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        """Return the end of a log; empty when there is none.

        Args:
            key: Which log, like `render-42/1-k3f9x2m7q1/job`.
            max_bytes: How much of its end.
            known_bytes: Size that it is known to have at least: spares a request.
        """
        ...

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        ...


class Clock(Protocol):
    """The time outside of orchestrations."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class Outside(Protocol):
    """All of the outside, each part made when it is first asked for.

    A method raises `InvalidSettingsError` where the settings that its part needs are wrong; others
    being wrong does not disturb it.
    """

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    def rows(self) -> Rows:
        """Return the jobs' rows."""
        ...

    def logs(self) -> LogArchive:
        """Return the archive of logs."""
        ...

    def groups(self, scope: Scope) -> ContainerGroups:
        """Return the container groups of this scope."""
        ...

    def scope(self) -> Scope:
        """Return where new groups are created."""
        ...

    def poll_policy(self) -> PollPolicy:
        """Return how often jobs are polled."""
        ...

    def nonce(self) -> str:
        """Return 10 random lower-case letters and digits."""
        ...


def log_key(group: GroupRef, container: str) -> str:
    """Return the key of a container's log in the archive."""
    return f"{group.log_key}/{container}"
