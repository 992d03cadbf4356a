"""The lists of jobs in the table: all of them, the newest first; and those that are not settled."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceModifiedError

from acijobs.domain.listing import list_key
from acijobs.rows.entities import key
from acijobs.rows.packing import pack_labels, unpack_listed
from acijobs.usecases.ports import Unsettled

if TYPE_CHECKING:
    from azure.data.tables import TableEntity

    from acijobs.domain.row import Row
    from acijobs.rows.entities import Entities
    from acijobs.usecases.ports import Listed

_UNSETTLED = "~unsettled"
_LISTED = "~listed"


class JobLists:
    """What names jobs besides their rows: one entry of a job in each list."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities

    def add(self, row: Row) -> None:
        """Have the job in the list of all."""
        labels = {"labels": pack_labels(row.labels)} if row.labels else {}
        self._entities.replace(key(_LISTED, list_key(row.job_id, row.accepted_at)) | labels)

    def listed(self, *, after: str, limit: int) -> tuple[Listed, ...]:
        """Return entries of all jobs, the newest first, that come after this key."""
        found = self._entities.page(_LISTED, ["RowKey", "labels"], after=after, limit=limit)
        entries = (unpack_listed(entity["RowKey"], entity.get("labels")) for entity in found)
        return tuple(entry for entry in entries if entry is not None)

    def remove(self, entry_key: str) -> None:
        """Take a job out of the list of all; one that is not there is fine."""
        self._entities.delete(_LISTED, entry_key)

    def add_unsettled(self, row: Row) -> str:
        """Have the job among the unsettled ones; return the entry's version.

        An entry that is there already is renewed thereby: see `TableRows.forget_settled`.
        """
        entry = key(_UNSETTLED, row.job_id)
        return self._entities.replace(
            entry | {"acceptedAt": row.accepted_at, "overAt": row.over_at}
        )

    def unsettled(self, *, after: str, limit: int) -> tuple[Unsettled, ...]:
        """Return entries of jobs that may not be settled, ordered by id, after this one."""
        names = ["RowKey", "acceptedAt", "overAt"]
        return tuple(
            Unsettled(
                job_id=entity["RowKey"],
                accepted_at=entity.get("acceptedAt"),
                over_at=entity.get("overAt"),
            )
            for entity in self._entities.page(_UNSETTLED, names, after=after, limit=limit)
        )

    def find_unsettled(self, job_id: str, **options: Any) -> TableEntity | None:
        """Return a job's entry among the unsettled ones."""
        return self._entities.get(_UNSETTLED, job_id, **options)

    def remove_unsettled(self, job_id: str) -> None:
        """Take a job out of the list of unsettled ones; one that is not there is fine."""
        self._entities.delete(_UNSETTLED, job_id)

    def remove_unsettled_as_read(self, job_id: str, version: str) -> None:
        """Take a job out of the list of unsettled ones, unless its entry was renewed meanwhile."""
        with suppress(ResourceModifiedError):
            self._entities.delete_as_read(_UNSETTLED, job_id, version)
