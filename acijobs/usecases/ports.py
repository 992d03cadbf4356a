"""The ports: all that the use cases need from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from acijobs.domain.callback.state import Delivery
    from acijobs.domain.group import GroupRef, Scope
    from acijobs.domain.observation import Observation
    from acijobs.domain.policy import PollPolicy
    from acijobs.domain.regions import Capability, Usage
    from acijobs.domain.retention import Retention
    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.domain.spec.policy import JobPolicy
    from acijobs.domain.spec.secret import Secret
    from acijobs.domain.told import Told, ToldProgress
    from acijobs.logs.text import ArchivedPart
    from acijobs.logs.window import ArchivedEnd
    from acijobs.security.capability import Capabilities
    from acijobs.security.sealing import Seals
    from acijobs.usecases.telemetry import Telemetry


RECONCILER = "bookmark"
"""The bookmark of the rounds through unsettled jobs, whose places are ids …"""

RETENTION = "retention"
"""… and that of the rounds through old jobs, whose places are keys of the list."""


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


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An entry of the list of jobs; only a hint, as the row decides.

    Attributes:
        key: Its place (`acijobs.domain.listing.list_key`).
        job_id: The job, which may be gone, or another by now.
        accepted_at: When the job that is meant was submitted.
        labels: Its labels.
    """

    key: str
    job_id: str
    accepted_at: datetime
    labels: dict[str, str] = field(default_factory=dict)

    def tells_of(self, row: Row) -> bool:
        """Tell whether this is the job that is meant."""
        return row.job_id == self.job_id and row.accepted_at == self.accepted_at


@dataclass(frozen=True, kw_only=True)
class StoredTold:
    """What a job has told of itself, as it was read.

    Attributes:
        told: What.
        version: Which version of it that was; empty where nothing was told before.
    """

    told: Told
    version: str = ""


class Rows(Protocol):
    """The jobs' rows: one per job, changed by compare-and-swap only.

    Every method raises `StorageError` when the store does not answer, or not usefully; a change may
    then have been made or not.
    """

    def store(self) -> Store:
        """Return what this store is known by, always the same."""
        ...

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification; from then on it is listed, and unsettled.

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

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round through jobs of this kind stopped; empty at the start."""
        ...

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
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

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs, the newest first, that come after this key.

        An entry may be left of an insert that was refused or cut short, or of a job that is gone.
        """
        ...

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list; one that is not there is fine."""
        ...

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job, if it still is as it was read: all but its entries in lists.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        ...

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        ...

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress, whatever it was before."""
        ...

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told, if it still is as it was read.

        Raises:
            RowConflictError: it is not.
        """
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

    def create(self, name: str, spec: JobSpec, tags: dict[str, str], *, location: str) -> None:
        """Ask for a group that runs this specification; return once Azure accepted it.

        Args:
            name: The group's name.
            spec: The job; its secrets are values.
            tags: The group's tags.
            location: The region.
        """
        ...

    def usages(self, location: str) -> tuple[Usage, ...]:
        """Return the subscription's quotas in a region, as they were some minutes ago at most."""
        ...

    def capabilities(self, location: str) -> tuple[Capability, ...]:
        """Return how large groups of each kind can be in a region."""
        ...

    def stop(self, name: str) -> None:
        """Ask the group's containers to end; what they wrote and how they ended stays readable."""
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

    def read_range(self, key: str, offset: int, max_bytes: int) -> ArchivedPart:
        """Return the part of a log that begins at this offset; an empty one behind its end.

        The size is that of the log when it was read. One request, unless the offset is beyond the end.
        """
        ...

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        ...

    def keys(self, job_id: str) -> tuple[str, ...]:
        """Return the keys of all logs of a job."""
        ...

    def remove(self, key: str) -> None:
        """Delete a log for good; one that is not there is fine."""
        ...


class Callbacks(Protocol):
    """What sends messages to where jobs ask for: strangers' URLs, so it is on its guard."""

    def complaint(self, url: str) -> str | None:
        """Return why this URL may never be called, as far as that shows without resolving its name."""
        ...

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Send a body once; return what came of it, which is never an exception."""
        ...


class SecretSources(Protocol):
    """Where the secrets of jobs come from."""

    def complaint(self, secret: Secret) -> str | None:
        """Return why this secret can never be read, as far as that shows without reading it."""
        ...

    def read(self, secret: Secret, job_id: str) -> str:
        """Return the secret's value, for this job.

        Raises:
            RefusedError: there is none for this job; the text says what to do.
            BusyError: its source could not answer now.
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

    @property
    def telemetry(self) -> Telemetry:
        """Where what is done is measured and shown; it is always there."""
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

    def scopes(self) -> tuple[Scope, ...]:
        """Return where new groups are created: one scope or more."""
        ...

    def callbacks(self) -> Callbacks:
        """Return what sends callbacks."""
        ...

    def callback_secret(self) -> str:
        """Return the operator's key, for jobs that bring none; empty where there is none."""
        ...

    def app_url(self) -> str:
        """Return where callers reach the app: scheme and host; empty where nothing tells."""
        ...

    def poll_policy(self) -> PollPolicy:
        """Return how often jobs are polled."""
        ...

    def locations(self) -> tuple[str, ...]:
        """Return the operator's own regions, in the order in which jobs that name none try them."""
        ...

    def retention(self) -> Retention:
        """Return how long jobs are kept after their end."""
        ...

    def job_policy(self) -> JobPolicy:
        """Return the operator's rules on jobs, and their prices."""
        ...

    def nonce(self) -> str:
        """Return 10 random lower-case letters and digits."""
        ...

    def seals(self) -> Seals:
        """Return what seals and opens secret values; without a key where the operator set none."""
        ...

    def secrets(self) -> SecretSources:
        """Return where the secrets of jobs come from."""
        ...

    def capabilities(self) -> Capabilities:
        """Return what makes and reads the capabilities of this store's jobs."""
        ...

    def event_url(self) -> str:
        """Return where containers reach the app: scheme and host, empty where nothing tells."""
        ...


def log_key(group: GroupRef, container: str) -> str:
    """Return the key of a container's log in the archive."""
    return f"{group.log_key}/{container}"
