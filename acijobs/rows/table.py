"""The jobs' rows in Azure Table storage. The table's design is docs/adr/0006."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableClient, TableTransactionError, UpdateMode

from acijobs.domain.errors import (
    RowConflictError,
    RowExistsError,
    StorageError,
    UnreadableRowError,
)
from acijobs.domain.job_id import is_valid
from acijobs.domain.listing import list_key
from acijobs.rows.packing import (
    is_same_submission,
    new_store,
    pack_labels,
    pack_outputs,
    pack_progress,
    pack_row,
    pack_spec,
    pieces,
    unpack_listed,
    unpack_row,
    unpack_spec,
    unpack_told,
)
from acijobs.usecases.ports import RECONCILER, Listed, Store, StoredRow, StoredTold, Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeVar

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineResponse
    from azure.data.tables import TableEntity

    from acijobs.domain.row import Row
    from acijobs.domain.told import Told, ToldProgress

    Answer = TypeVar("Answer")

TABLE = "acijobs"
"""The table in the function app's own storage account."""

_JOB = "job"
_TOLD = "told"
_STORE = "~store"
_UNSETTLED = "~unsettled"
_LISTED = "~listed"

_STATE_NAMES = ("state", *(f"state{number}" for number in range(1, 10)))
_STATE_PIECE_CHARS = 32_000
_SPEC_PIECE_BYTES = 60 * 1024
"""A property holds 64 KiB, of text in UTF-16; an entity 1 MiB.

Source: Understanding the Table service data model, learn.microsoft.com.
"""
# Timestamp, because a selection's ETag is made of it where the service sends none.
_ROW_PROPERTIES = ("Timestamp", "stateSize", *_STATE_NAMES)

_MAX_PAGE = 1_000
"""Source: Query timeout and pagination (Table service), learn.microsoft.com."""

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.5
_RETRY_AFTER_SECONDS = 0.2
_LEAST_RETRY_SECONDS = 0.5

_BUSY_STATUSES = frozenset({408, 429})
_NOT_AS_READ = frozenset({404, 412})

_INSERT_TIME = timedelta(minutes=10)
"""Longest time between an insert's two requests; each takes seconds, but processes get suspended."""


class TableRows:
    """The rows in one table; implements `acijobs.usecases.ports.Rows`.

    One client serves all threads of a process. A request waits 2.5 s for its answer, and is sent once
    more where it failed early and that may help; the SDK's own retries are off, because they do not
    repeat inserts and swaps, and wait as long as a Retry-After tells them to.

    So a write may be done though its answer was lost, and its repetition is refused. Therefore every
    refusal is judged by what is stored: the row that was to be written means that it was.
    """

    def __init__(self, table: TableClient) -> None:
        self._table = table
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
        enlisted = self._enlist(row)
        self._upsert(_key(_LISTED, list_key(row.job_id, row.accepted_at)) | _labels(row))
        try:
            written = self._write(self._table.create_entity, _job(row, spec), ResourceExistsError)
        except ResourceExistsError:
            return self._existing(row, enlisted)
        return unpack_row(row.job_id, pack_row(row), written["etag"])

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
            written = self._ask(
                self._table.update_entity,
                _key(stored.row.job_id, _JOB) | _state(changed, text),
                mode=UpdateMode.MERGE,
                etag=stored.version,
                match_condition=MatchConditions.IfNotModified,
                meant=(ResourceModifiedError, ResourceNotFoundError),
            )
            swapped = unpack_row(changed.job_id, text, written["etag"])
        except (ResourceModifiedError, ResourceNotFoundError):
            swapped = self._already_swapped(changed, text)
        if changed.settled:
            with suppress(StorageError):  # the row decides; the entry is taken out another time
                self._ask(self._table.delete_entity, _UNSETTLED, changed.job_id)
        return swapped

    def now(self) -> datetime:
        """Return the time by the store's own clock, which all processes share."""
        sent = _Sent()
        self._get(_STORE, "store", raw_response_hook=sent.note)
        return sent.at

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round through jobs of this kind stopped."""
        entity = self._get(_STORE, of)
        return "" if entity is None else str(entity.get("jobId") or "")

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        self._upsert(_key(_STORE, of) | {"jobId": place})

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled, ordered by id, after this one.

        A job whose change was cut short may be listed though it is settled, or has no row.
        """
        return self._ask(self._query_unsettled, after, limit)

    def forget_settled(self, job_id: str) -> None:
        """Take a job that is settled, or has no row, out of the list of unsettled ones.

        An entry without a row may be that of an insert that is under way. So it must be older than
        any insert takes, by the store's own clock, and unchanged since before the row was looked for.
        """
        sent = _Sent()
        entry = self._get(_UNSETTLED, job_id, raw_response_hook=sent.note)
        if entry is None:
            return
        stored = self.read(job_id)
        if stored is None:
            written_at = entry.metadata["timestamp"]
            if written_at is None or sent.at - written_at < _INSERT_TIME:
                return
        elif not stored.row.settled:
            return
        self._delist(job_id, str(entry.metadata["etag"]))

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs, the newest first, that come after this key."""
        return self._ask(self._query_listed, after, limit)

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list; one that is not there is fine."""
        self._ask(self._table.delete_entity, _LISTED, entry.key)

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job, if it still is as it was read: all but its entries in lists.

        What it told goes with it in one step, so that nothing of it is left for a later job of its id.
        Its entry among the unsettled ones stays: it may be that of an insert that is under way.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        job_id = stored.row.job_id
        condition = {"etag": stored.version, "match_condition": MatchConditions.IfNotModified}
        deletions: list[Any] = [("delete", _key(job_id, _JOB), condition)]
        if self._get(job_id, _TOLD, select=["RowKey"]) is not None:
            deletions.append(("delete", _key(job_id, _TOLD)))
        try:
            self._ask(self._table.submit_transaction, deletions, meant=(TableTransactionError,))
        except TableTransactionError as error:
            if error.status_code in _NOT_AS_READ:
                raise RowConflictError(job_id) from None
            raise _storage_error(error) from None

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        entity = self._get(job_id, _TOLD) if is_valid(job_id) else None
        if entity is None:
            return StoredTold(told=unpack_told(None, None, 0))
        told = unpack_told(entity.get("progress"), entity.get("outputs"), entity.get("looks"))
        return StoredTold(told=told, version=str(entity.metadata["etag"]))

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress, whatever it was before."""
        entity = _key(job_id, _TOLD) | {"progress": pack_progress(progress)}
        self._write(partial(self._table.upsert_entity, mode=UpdateMode.MERGE), entity)

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told, if it still is as it was read.

        Raises:
            RowConflictError: it is not.
        """
        entity = _key(job_id, _TOLD) | {"outputs": pack_outputs(told), "looks": told.looks}
        try:
            if not stored.version:
                self._write(self._table.create_entity, entity, ResourceExistsError)
                return
            self._ask(
                self._table.update_entity,
                entity,
                mode=UpdateMode.MERGE,
                etag=stored.version,
                match_condition=MatchConditions.IfNotModified,
                meant=(ResourceModifiedError, ResourceNotFoundError),
            )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            there = self.told(job_id).told
            if (there.outputs, there.looks) != (told.outputs, told.looks):
                raise RowConflictError(job_id) from None

    def close(self) -> None:
        """Close the connections."""
        self._table.close()

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
                self._ask(self._table.delete_entity, _LISTED, list_key(row.job_id, row.accepted_at))
            if not there.row.settled:
                self._enlist(there.row)
            else:
                self._delist(row.job_id, enlisted)
        raise RowExistsError(row.job_id)

    def _already_swapped(self, changed: Row, text: str) -> StoredRow:
        there = self.read(changed.job_id)
        if there is None or pack_row(there.row, there) != text:
            raise RowConflictError(changed.job_id)
        return there

    def _enlist(self, row: Row) -> str:
        # Also where there is an entry already, which is renewed thereby: see `forget_settled`.
        entry = _key(_UNSETTLED, row.job_id)
        return self._upsert(entry | {"acceptedAt": row.accepted_at, "overAt": row.over_at})

    def _delist(self, job_id: str, version: str) -> None:
        """Take an entry out of the list of unsettled jobs, unless it was renewed meanwhile."""
        with suppress(ResourceModifiedError):
            self._ask(
                self._table.delete_entity,
                _UNSETTLED,
                job_id,
                etag=version,
                match_condition=MatchConditions.IfNotModified,
                meant=(ResourceModifiedError,),
            )

    def _upsert(self, entity: dict[str, Any]) -> str:
        written = self._write(partial(self._table.upsert_entity, mode=UpdateMode.REPLACE), entity)
        return str(written["etag"])

    def _query_listed(self, after: str, limit: int, **options: Any) -> tuple[Listed, ...]:
        found = self._table.query_entities(
            "PartitionKey eq @kind and RowKey gt @after",
            parameters={"kind": _LISTED, "after": after},
            select=["RowKey", "labels"],
            results_per_page=min(limit, _MAX_PAGE),
            **options,
        )
        try:
            entries = [unpack_listed(e["RowKey"], e.get("labels")) for e in islice(found, limit)]
        except ResourceNotFoundError:
            return ()  # no table, no jobs
        return tuple(entry for entry in entries if entry is not None)

    def _query_unsettled(self, after: str, limit: int, **options: Any) -> tuple[Unsettled, ...]:
        found = self._table.query_entities(
            "PartitionKey eq @kind and RowKey gt @after",
            parameters={"kind": _UNSETTLED, "after": after},
            select=["RowKey", "acceptedAt", "overAt"],
            results_per_page=min(limit, _MAX_PAGE),
            **options,
        )
        try:
            # A page cut short by the service's own limits is followed by the next one.
            return tuple(
                Unsettled(
                    job_id=entity["RowKey"],
                    accepted_at=entity.get("acceptedAt"),
                    over_at=entity.get("overAt"),
                )
                for entity in islice(found, limit)
            )
        except ResourceNotFoundError:
            return ()  # no table, no jobs

    def _read_store(self) -> Store | None:
        entity = self._get(_STORE, "store")
        if entity is None:
            return None
        store_id, digest_key = entity.get("id"), entity.get("digestKey")
        if not isinstance(store_id, str) or not isinstance(digest_key, bytes):
            raise StorageError("what the store is known by cannot be read")
        return Store(id=store_id, digest_key=digest_key)

    def _make_store(self) -> Store:
        store = new_store()
        entity = _key(_STORE, "store") | {"id": store.id, "digestKey": store.digest_key}
        try:
            self._write(self._table.create_entity, entity, ResourceExistsError)
        except ResourceExistsError:
            there = self._read_store()
            if there is None:
                raise StorageError("the table refused what it does not have") from None
            return there
        return store

    def _get_job(self, job_id: str, **options: Any) -> TableEntity | None:
        # An orchestration may have been started under any id; the service refuses some in a key.
        return self._get(job_id, _JOB, **options) if is_valid(job_id) else None

    def _get(self, partition: str, row: str, **options: Any) -> TableEntity | None:
        try:
            entity: TableEntity = self._ask(
                self._table.get_entity, partition, row, meant=(ResourceNotFoundError,), **options
            )
        except ResourceNotFoundError:  # only where the answer names one of the service's own codes
            return None
        return entity

    def _write(
        self, send: Callable[..., Any], entity: dict[str, Any], *meant: type[AzureError]
    ) -> Any:
        """Send an entity, and make the table first where there is none yet."""
        try:
            return self._ask(send, entity, meant=(*meant, ResourceNotFoundError))
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                self._ask(self._table.create_table, meant=(ResourceExistsError,))
            return self._ask(send, entity, meant=meant)

    def _ask(
        self,
        send: Callable[..., Answer],
        *args: Any,
        meant: tuple[type[AzureError], ...] = (),
        **options: Any,
    ) -> Answer:
        """Send a request, twice where that may help; raise what is not `meant` as `StorageError`."""
        try:
            return _within_time(partial(send, *args, **options))
        except meant:
            raise
        except AzureError as error:
            # Not `from error`: its text may hold the URL, and with it a signature.
            raise _storage_error(error) from None


class _Sent:
    """When an answer was sent, by the service's clock."""

    at: datetime

    def note(self, response: PipelineResponse[Any, Any]) -> None:
        self.at = parsedate_to_datetime(response.http_response.headers["Date"])


class _Limits(NamedTuple):
    connection_timeout: float
    read_timeout: float
    retry_total: int = 0


def _within_time(send: Callable[..., Answer]) -> Answer:
    give_up = time.monotonic() + _ANSWER_SECONDS
    try:
        return send(**_Limits(_CONNECT_SECONDS, _ANSWER_SECONDS)._asdict())
    except AzureError as error:
        if not _may_pass(error) or time.monotonic() + _LEAST_RETRY_SECONDS > give_up:
            raise
    time.sleep(_RETRY_AFTER_SECONDS)
    left = give_up - time.monotonic()
    return send(**_Limits(min(_CONNECT_SECONDS, left), left)._asdict())


def _may_pass(error: AzureError) -> bool:
    if isinstance(error, HttpResponseError):
        status = error.status_code or 0
        return status >= 500 or status in _BUSY_STATUSES  # noqa: PLR2004
    return isinstance(error, ServiceRequestError | ServiceResponseError)


def _storage_error(error: AzureError) -> StorageError:
    status = getattr(error, "status_code", None)
    what = type(error).__name__
    return StorageError(f"table storage: {what}" + (f", HTTP {status}" if status else ""))


def _key(partition: str, row: str) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": row}


def _job(row: Row, spec: dict[str, Any]) -> dict[str, Any]:
    packed = pack_spec(spec)
    parts = enumerate(pieces(packed, _SPEC_PIECE_BYTES))
    return (
        _key(row.job_id, _JOB)
        | {"acceptedAt": row.accepted_at, "specSize": len(packed)}
        | {f"spec{number}": part for number, part in parts}
        | _state(row, pack_row(row))
    )


def _labels(row: Row) -> dict[str, Any]:
    return {"labels": pack_labels(row.labels)} if row.labels else {}


def _state(row: Row, text: str) -> dict[str, Any]:
    parts = list(pieces(text, _STATE_PIECE_CHARS))
    if len(parts) > len(_STATE_NAMES):
        raise StorageError("the row is too large")
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
