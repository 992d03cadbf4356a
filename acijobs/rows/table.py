"""The jobs' rows in Azure Table storage. The table's design is docs/adr/0006."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient

from acijobs.domain.errors import (
    RowConflictError,
    RowExistsError,
    RowTooLargeError,
    StorageError,
    UnreadableRowError,
)
from acijobs.domain.job_id import is_valid
from acijobs.domain.listing import list_key
from acijobs.rows.entities import Entities, key
from acijobs.rows.job_lists import JobLists
from acijobs.rows.packing import (
    is_same_submission,
    new_store,
    pack_row,
    pack_spec,
    pieces,
    unpack_row,
    unpack_spec,
)
from acijobs.rows.told_by_jobs import TOLD, ToldByJobs
from acijobs.usecases.ports import RECONCILER, Store, StoredRow

if TYPE_CHECKING:
    from datetime import datetime

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineResponse
    from azure.data.tables import TableEntity

    from acijobs.domain.row import Row
    from acijobs.domain.told import Told, ToldProgress
    from acijobs.usecases.ports import Listed, StoredTold, Unsettled

TABLE = "acijobs"
"""The table in the function app's own storage account."""

_JOB = "job"
_STORE = "~store"

_STATE_NAMES = ("state", *(f"state{number}" for number in range(1, 10)))
_STATE_PIECE_CHARS = 32_000
_SPEC_PIECE_BYTES = 60 * 1024
"""A property holds 64 KiB, of text in UTF-16; an entity 1 MiB.

Source: Understanding the Table service data model, learn.microsoft.com.
"""
# Timestamp, because a selection's ETag is made of it where the service sends none.
_ROW_PROPERTIES = ("Timestamp", "stateSize", *_STATE_NAMES)

_INSERT_TIME = timedelta(minutes=10)
"""Longest time between an insert's two requests; each takes seconds, but processes get suspended."""


class TableRows:
    """The rows in one table; implements `acijobs.usecases.ports.Rows`.

    One client serves all threads of a process. A request that failed may be sent twice (`Entities`): so
    a write may be done though its answer was lost, and its repetition is refused. Therefore every
    refusal is judged by what is stored: the row that was to be written means that it was.
    """

    def __init__(self, table: TableClient) -> None:
        self._entities = Entities(table)
        self._lists = JobLists(self._entities)
        self._told = ToldByJobs(self._entities)
        self._store: Store | None = None
        self._store_lock = threading.Lock()

    @classmethod
    def from_url(cls, service_url: str, credential: TokenCredential) -> TableRows:
        """Return the rows in the table `acijobs` of this table service, reached with an identity."""
        return cls(TableClient(service_url, TABLE, credential=credential))

    @classmethod
    def from_connection_string(cls, connection: str) -> TableRows:
        """Return the rows in the table `acijobs` of this storage account."""
        return cls(TableClient.from_connection_string(connection, TABLE))

    def store(self) -> Store:
        """Return what this store is known by, always the same."""
        with self._store_lock:
            if self._store is None:
                self._store = self._read_store() or self._make_store()
            return self._store

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification; from then on it is listed, and unsettled.

        Its entries come first: one without a job is harmless, a job without an entry among the
        unsettled ones would be lost if nobody drives it, and one without an entry in the list is never
        found, nor removed.

        Raises:
            RowExistsError: there is a job of this id.
        """
        enlisted = self._lists.add_unsettled(row)
        self._lists.add(row)
        try:
            version = self._entities.create(_job(row, spec))
        except ResourceExistsError:
            return self._existing(row, enlisted)
        return unpack_row(row.job_id, pack_row(row), version)

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row, None when there is no job of this id."""
        entity = self._get_job(job_id, select=_ROW_PROPERTIES)
        if entity is None:
            return None
        return unpack_row(job_id, _joined_state(entity), str(entity.metadata["etag"]))

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification, None when there is no job of this id."""
        entity = self._get_job(job_id)
        if entity is None:
            return None
        stored = unpack_row(job_id, _joined_state(entity), str(entity.metadata["etag"]))
        return stored, unpack_spec(_joined_spec(entity))

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row, if it still is as it was read; a settled row stops being unsettled.

        Two writers that make the very same change both count as the one who made it.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        text = pack_row(changed, stored)
        try:
            entity = key(stored.row.job_id, _JOB) | _state(changed, text)
            version = self._entities.swap(entity, stored.version)
            swapped = unpack_row(changed.job_id, text, version)
        except (ResourceModifiedError, ResourceNotFoundError):
            swapped = self._already_swapped(changed, text)
        if changed.settled:
            with suppress(StorageError):  # the row decides; the entry is taken out another time
                self._lists.remove_unsettled(changed.job_id)
        return swapped

    def now(self) -> datetime:
        """Return the time by the store's own clock, which all processes share."""
        sent = _Sent()
        self._entities.get(_STORE, "store", raw_response_hook=sent.note)
        return sent.at

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round through jobs of this kind stopped."""
        entity = self._entities.get(_STORE, of)
        return "" if entity is None else str(entity.get("jobId") or "")

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        self._entities.replace(key(_STORE, of) | {"jobId": place})

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled, ordered by id, after this one.

        A job whose change was cut short may be listed though it is settled, or has no row.
        """
        return self._lists.unsettled(after=after, limit=limit)

    def forget_settled(self, job_id: str) -> None:
        """Take a job that is settled, or has no row, out of the list of unsettled ones.

        An entry without a row may be that of an insert that is under way. So it must be older than
        any insert takes, by the store's own clock, and unchanged since before the row was looked for.
        """
        sent = _Sent()
        entry = self._lists.find_unsettled(job_id, raw_response_hook=sent.note)
        if entry is None:
            return
        stored = self.read(job_id)
        if stored is None:
            written_at = entry.metadata["timestamp"]
            if written_at is None or sent.at - written_at < _INSERT_TIME:
                return
        elif not stored.row.settled:
            return
        self._lists.remove_unsettled_as_read(job_id, str(entry.metadata["etag"]))

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs, the newest first, that come after this key."""
        return self._lists.listed(after=after, limit=limit)

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list; one that is not there is fine."""
        self._lists.remove(entry.key)

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job, if it still is as it was read: all but its entries in lists.

        What it told goes with it in one step, so that nothing of it is left for a later job of its id.
        Its entry among the unsettled ones stays: it may be that of an insert that is under way.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        job_id = stored.row.job_id
        condition = {"etag": stored.version, "match_condition": MatchConditions.IfNotModified}
        deletions: list[Any] = [("delete", key(job_id, _JOB), condition)]
        if self._told.is_there(job_id):
            deletions.append(("delete", key(job_id, TOLD)))
        try:
            self._entities.delete_together(deletions)
        except ResourceModifiedError:
            raise RowConflictError(job_id) from None

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        return self._told.read(job_id)

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress, whatever it was before."""
        self._told.write_progress(job_id, progress)

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told, if it still is as it was read.

        Raises:
            RowConflictError: it is not.
        """
        self._told.swap(job_id, stored, told)

    def close(self) -> None:
        """Close the connections."""
        self._entities.close()

    def _existing(self, row: Row, enlisted: str) -> StoredRow:
        there = self.read(row.job_id)
        if there is None:
            raise StorageError("the table refused a job that it does not have")
        if is_same_submission(there.row, row):
            return there  # an answer was lost, and this is its repetition
        # Our entry has replaced that job's own. If this fails, what is wrong is only an
        # entry of a settled job, which the Reconciler forgets, or the times in one.
        with suppress(StorageError):
            if there.row.accepted_at != row.accepted_at:
                self._lists.remove(list_key(row.job_id, row.accepted_at))
            if not there.row.settled:
                self._lists.add_unsettled(there.row)
            else:
                self._lists.remove_unsettled_as_read(row.job_id, enlisted)
        raise RowExistsError(row.job_id)

    def _already_swapped(self, changed: Row, text: str) -> StoredRow:
        there = self.read(changed.job_id)
        if there is None or pack_row(there.row, there) != text:
            raise RowConflictError(changed.job_id)
        return there

    def _read_store(self) -> Store | None:
        entity = self._entities.get(_STORE, "store")
        if entity is None:
            return None
        store_id, digest_key = entity.get("id"), entity.get("digestKey")
        if not isinstance(store_id, str) or not isinstance(digest_key, bytes):
            raise StorageError("what the store is known by cannot be read")
        return Store(id=store_id, digest_key=digest_key)

    def _make_store(self) -> Store:
        store = new_store()
        entity = key(_STORE, "store") | {"id": store.id, "digestKey": store.digest_key}
        try:
            self._entities.create(entity)
        except ResourceExistsError:
            there = self._read_store()
            if there is None:
                raise StorageError("the table refused what it does not have") from None
            return there
        return store

    def _get_job(self, job_id: str, **options: Any) -> TableEntity | None:
        # An orchestration may have been started under any id; the service refuses some in a key.
        return self._entities.get(job_id, _JOB, **options) if is_valid(job_id) else None


class _Sent:
    """When an answer was sent, by the service's clock."""

    at: datetime

    def note(self, response: PipelineResponse[Any, Any]) -> None:
        self.at = parsedate_to_datetime(response.http_response.headers["Date"])


def _job(row: Row, spec: dict[str, Any]) -> dict[str, Any]:
    packed = pack_spec(spec)
    parts = enumerate(pieces(packed, _SPEC_PIECE_BYTES))
    return (
        key(row.job_id, _JOB)
        | {"acceptedAt": row.accepted_at, "specSize": len(packed)}
        | {f"spec{number}": part for number, part in parts}
        | _state(row, pack_row(row))
    )


def _state(row: Row, text: str) -> dict[str, Any]:
    parts = list(pieces(text, _STATE_PIECE_CHARS))
    if len(parts) > len(_STATE_NAMES):
        raise RowTooLargeError("the row is too large")
    # A merge leaves properties that it does not name: the size tells a shorter row's end.
    columns = {"phase": row.progress.phase.value, "stateSize": len(text)}
    return columns | dict(zip(_STATE_NAMES, parts, strict=False))


def _joined_state(entity: TableEntity) -> str:
    text = "".join(str(entity.get(name) or "") for name in _STATE_NAMES)
    return text[: _size(entity, "stateSize", len(text))]


def _joined_spec(entity: TableEntity) -> bytes:
    names = (f"spec{number}" for number in range(len(entity)))
    packed = b"".join(entity[name] for name in names if isinstance(entity.get(name), bytes))
    return packed[: _size(entity, "specSize", len(packed))]


def _size(entity: TableEntity, name: str, available: int) -> int:
    size = entity.get(name)
    if not isinstance(size, int) or not 0 < size <= available:
        raise UnreadableRowError("a part of the job is missing in the table")
    return size
