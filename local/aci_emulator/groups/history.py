"""Every group that was ever created and what its containers did: for tests and benchmarks to ask.

A group's record outlives the group. The newest 20,000 creations are kept.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

_KEPT = 20_000


@dataclass(kw_only=True)
class ContainerRecord:
    """The runs of one container: how many, and the last one's times; None is not yet, or unknown."""

    name: str
    starts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None

    def started(self, at: datetime) -> None:
        """Note another run."""
        self.starts += 1
        self.started_at, self.finished_at, self.exit_code = at, None, None

    def ended(self, at: datetime, exit_code: int | None = None) -> None:
        """Note the run's end; without an exit code it was taken down, unless it had ended before."""
        if self.state == "Running":
            self.finished_at, self.exit_code = at, exit_code

    @property
    def state(self) -> str:
        """Waiting until the first start, then Running or Terminated."""
        if self.started_at is None:
            return "Waiting"
        return "Running" if self.finished_at is None else "Terminated"

    def view(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "container": self.name,
            "state": self.state,
            "starts": self.starts,
            "startedAt": _text(self.started_at),
            "finishedAt": _text(self.finished_at),
            "exitCode": self.exit_code,
        }


@dataclass(kw_only=True)
class GroupRecord:
    """One creation of a group: where, with the tags of its first request, and when it was gone."""

    name: str
    resource_group: str
    location: str
    created_at: datetime
    tags: Mapping[str, str]
    deleted_at: datetime | None = None
    containers: dict[str, ContainerRecord] = field(default_factory=dict)

    def container(self, name: str) -> ContainerRecord:
        """Return the record of a container, made at its first mention."""
        return self.containers.setdefault(name, ContainerRecord(name=name))

    def deleted(self, at: datetime) -> None:
        """Note that the group is gone, and what ran of it has ended."""
        self.deleted_at = at
        self.ended(at)

    def ended(self, at: datetime) -> None:
        """Note that nothing of it runs any more."""
        for container in self.containers.values():
            container.ended(at)


class History:
    """The creations, oldest first."""

    def __init__(self) -> None:
        self._records: deque[GroupRecord] = deque(maxlen=_KEPT)
        self.created_total = 0

    def add(self, record: GroupRecord) -> None:
        """Keep a creation."""
        self._records.append(record)
        self.created_total += 1

    def containers(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield, as JSON, the containers of every group whose name begins so."""
        records = [r for r in self._records if r.name.lower().startswith(prefix.lower())]
        creations = Counter((r.resource_group, r.name.lower()) for r in records)
        for record in records:
            group = {
                "group": record.name,
                "resourceGroup": record.resource_group,
                "location": record.location,
                "createdAt": _text(record.created_at),
                "deletedAt": _text(record.deleted_at),
                "creations": creations[record.resource_group, record.name.lower()],
                "tags": dict(record.tags),
            }
            for container in record.containers.values():
                yield {**group, **container.view()}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
