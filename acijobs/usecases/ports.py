"""What the use cases need from the outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from acijobs.domain.log_window import ArchivedEnd
    from acijobs.domain.observation import Observation
    from acijobs.domain.spec import JobSpec


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
        """Return the group, or None when there is none of this name."""
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
    """Where logs are kept, one per job."""

    def start(self, job_id: str) -> None:
        """Make the job's log empty: an earlier job may have had the same id."""
        ...

    def read_end(self, job_id: str, max_bytes: int) -> ArchivedEnd:
        """Return the end of the job's log; empty when there is none."""
        ...

    def append(self, job_id: str, at_byte: int, data: bytes) -> None:
        """Append to the job's log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        ...
