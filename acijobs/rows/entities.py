"""Entities in a table: each request within its time, the table made when it is first written."""

from __future__ import annotations

import time
from contextlib import suppress
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
from azure.data.tables import TableTransactionError, UpdateMode

from acijobs.domain.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from azure.data.tables import TableClient, TableEntity

    Answer = TypeVar("Answer")

_MAX_PAGE = 1_000
"""Source: Query timeout and pagination (Table service), learn.microsoft.com."""

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.5
_RETRY_AFTER_SECONDS = 0.2
_LEAST_RETRY_SECONDS = 0.5

_BUSY_STATUSES = frozenset({408, 429})
_NOT_AS_READ = frozenset({404, 412})


class Entities:
    """The entities of one table.

    A request waits 2.5 s for its answer, and is sent once more where it failed early and that may help;
    the SDK's own retries are off, because they do not repeat inserts and swaps, and wait as long as a
    Retry-After tells them to.

    Every method raises `StorageError` where the table does not answer, or not as is `meant`.
    """

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def get(self, partition: str, row: str, **options: Any) -> TableEntity | None:
        """Return the entity of this key, None where there is none."""
        try:
            entity: TableEntity = self._ask(
                self._table.get_entity, partition, row, meant=(ResourceNotFoundError,), **options
            )
        except ResourceNotFoundError:  # only where the answer names one of the service's own codes
            return None
        return entity

    def page(
        self, partition: str, select: list[str], *, after: str, limit: int
    ) -> list[TableEntity]:
        """Return entities of a partition, ordered by row key, that come after this one."""
        return self._ask(self._query, partition, select, after, limit)

    def create(self, entity: dict[str, Any]) -> str:
        """Add an entity; return its version.

        Raises:
            ResourceExistsError: there is one of its key.
        """
        return str(self._write(self._table.create_entity, entity, ResourceExistsError)["etag"])

    def replace(self, entity: dict[str, Any]) -> str:
        """Store an entity, whatever was there; return its version."""
        put = partial(self._table.upsert_entity, mode=UpdateMode.REPLACE)
        return str(self._write(put, entity)["etag"])

    def merge(self, entity: dict[str, Any]) -> str:
        """Store these properties of an entity, whatever they were; return its version."""
        put = partial(self._table.upsert_entity, mode=UpdateMode.MERGE)
        return str(self._write(put, entity)["etag"])

    def swap(self, entity: dict[str, Any], version: str) -> str:
        """Change these properties of an entity, if it still has this version; return its new one.

        Raises:
            ResourceModifiedError: it has not.
            ResourceNotFoundError: there is none any more.
        """
        written = self._ask(
            self._table.update_entity,
            entity,
            mode=UpdateMode.MERGE,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
            meant=(ResourceModifiedError, ResourceNotFoundError),
        )
        return str(written["etag"])

    def delete(self, partition: str, row: str) -> None:
        """Delete an entity; one that is not there is fine."""
        self._ask(self._table.delete_entity, partition, row)

    def delete_as_read(self, partition: str, row: str, version: str) -> None:
        """Delete an entity, if it still has this version; one that is not there is fine.

        Raises:
            ResourceModifiedError: it has not.
        """
        self._ask(
            self._table.delete_entity,
            partition,
            row,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
            meant=(ResourceModifiedError,),
        )

    def delete_together(self, deletions: list[Any]) -> None:
        """Delete entities of one partition, all or none.

        Raises:
            ResourceModifiedError: one of them is not as it was read, or not there any more.
        """
        try:
            self._ask(self._table.submit_transaction, deletions, meant=(TableTransactionError,))
        except TableTransactionError as error:
            if error.status_code in _NOT_AS_READ:
                raise ResourceModifiedError from None
            raise _storage_error(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._table.close()

    def _query(
        self, partition: str, select: list[str], after: str, limit: int, **options: Any
    ) -> list[TableEntity]:
        found = self._table.query_entities(
            "PartitionKey eq @kind and RowKey gt @after",
            parameters={"kind": partition, "after": after},
            select=select,
            results_per_page=min(limit, _MAX_PAGE),
            **options,
        )
        try:
            # A page cut short by the service's own limits is followed by the next one.
            return list(islice(found, limit))
        except ResourceNotFoundError:
            return []  # no table, no jobs

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


def key(partition: str, row: str) -> dict[str, Any]:
    """Return the properties that name an entity."""
    return {"PartitionKey": partition, "RowKey": row}
