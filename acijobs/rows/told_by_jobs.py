"""What jobs tell of themselves, in the table: beside a job's row, and written more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from acijobs.domain.errors import RowConflictError
from acijobs.domain.job_id import is_valid
from acijobs.rows.entities import key
from acijobs.rows.packing import pack_outputs, pack_progress, unpack_told
from acijobs.usecases.ports import StoredTold

if TYPE_CHECKING:
    from acijobs.domain.told import Told, ToldProgress
    from acijobs.rows.entities import Entities

TOLD = "told"
"""Row key, in the job's own partition."""


class ToldByJobs:
    """One entity of a job: its newest progress, its outputs, and how often it asked to be looked at."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities

    def read(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        entity = self._entities.get(job_id, TOLD) if is_valid(job_id) else None
        if entity is None:
            return StoredTold(told=unpack_told(None, None, 0))
        told = unpack_told(entity.get("progress"), entity.get("outputs"), entity.get("looks"))
        return StoredTold(told=told, version=str(entity.metadata["etag"]))

    def is_there(self, job_id: str) -> bool:
        """Tell whether the job has told anything."""
        return self._entities.get(job_id, TOLD, select=["RowKey"]) is not None

    def write_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress, whatever it was before."""
        self._entities.merge(key(job_id, TOLD) | {"progress": pack_progress(progress)})

    def swap(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks, if they still are as they were read.

        Raises:
            RowConflictError: they are not.
        """
        entity = key(job_id, TOLD) | {"outputs": pack_outputs(told), "looks": told.looks}
        try:
            if stored.version:
                self._entities.swap(entity, stored.version)
            else:
                self._entities.create(entity)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            there = self.read(job_id).told
            if (there.outputs, there.looks) != (told.outputs, told.looks):
                raise RowConflictError(job_id) from None
