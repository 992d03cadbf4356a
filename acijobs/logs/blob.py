"""Job logs as append blobs."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient, LinearRetry

from acijobs.domain.errors import ArchiveConflictError, StorageError
from acijobs.logs.keys import folder_of, key_of, relative_path
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobClient

CONTAINER = "acijobs-logs"
"""The container in the function app's own storage account."""

_MAX_BLOCK_BYTES = 1024 * 1024
"""Most that one append sends, so that a slow link takes it in time: what has arrived is not sent again.
The service takes 4 MiB. Source: REST API Append Block, versions before 2022-11-02."""

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_RETRY_AFTER_SECONDS = 1
"""The SDK's own are 20 s, 60 s, and three retries that pause for a minute in all. Meanwhile a poll
would not tell how its container is, and the request of a user would hold one of a few threads."""

_EMPTY = ArchivedEnd(size_bytes=0, data=b"")

_POSITION_NOT_MET = 412
_RANGE_NOT_SATISFIABLE = 416


class BlobArchive:
    """One append blob per container of each attempt; implements `acijobs.usecases.ports.LogArchive`.

    An append states the position it expects (`x-ms-blob-condition-appendpos`), so a late second
    writer is refused by the service itself. A blob is never emptied or written over, and deleted only
    with its job: a key holds its attempt's nonce, and no two attempts share one.

    A request waits 5 s for its answer, and is sent once more where that may help. If its answer stops
    in the middle, it is sent twice more, so that a read takes 17 s at most.
    Whoever has more time asks again: a log is fetched with the next poll, and its end for five minutes.
    """

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    @classmethod
    def from_url(cls, container_url: str, credential: TokenCredential) -> BlobArchive:
        """Return the archive in the container at this URL, reached with an identity."""
        limits = _limits()
        return cls(ContainerClient.from_container_url(container_url, credential, **limits))

    @classmethod
    def from_connection_string(cls, connection: str) -> BlobArchive:
        """Return the archive in the container `acijobs-logs` of this storage account."""
        return cls(ContainerClient.from_connection_string(connection, CONTAINER, **_limits()))

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        """Return the end of a log; empty when there is none.

        One request where the log has grown by at most `max_bytes` since it was `known_bytes` long, else
        two; a log that is shorter than was known is read anew.
        """
        blob = self._blob(key)
        start = max(0, known_bytes - max_bytes)
        with _storage_errors():
            part = _read(blob, start, 2 * max_bytes)
            if part is not None and part.size_bytes > part.end:
                part = _read(blob, part.size_bytes - max_bytes, 2 * max_bytes)
        if start and (part is None or part.size_bytes < known_bytes):
            return self.read_end(key, max_bytes)
        if part is None:
            return _EMPTY
        # What was appended after the answer is not in it: an append at this size is refused then.
        data = part.data[-max_bytes:]
        return ArchivedEnd(size_bytes=part.end, data=data, appends=part.appends)

    def read_range(self, key: str, offset: int, max_bytes: int) -> ArchivedPart:
        """Return the part of a log that begins at this offset; an empty one behind its end.

        One request; a second one, for the size, only where there is a log and nothing of it there.
        """
        with _storage_errors():
            part = _read(self._blob(key), offset, max_bytes)
        if part is None:
            size_bytes = self.read_end(key, 1).size_bytes if offset else 0
            return ArchivedPart(size_bytes=size_bytes, offset=offset, data=b"")
        return ArchivedPart(size_bytes=part.size_bytes, offset=offset, data=part.data)

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        blob = self._blob(key)
        with _storage_errors():
            if at_byte == 0:
                self._create(blob)
            for start in range(0, len(data), _MAX_BLOCK_BYTES):
                block = data[start : start + _MAX_BLOCK_BYTES]
                with _conflicts(key):
                    blob.append_block(block, appendpos_condition=at_byte + start)

    def keys(self, job_id: str) -> tuple[str, ...]:
        """Return the keys of all logs of a job."""
        with _storage_errors():
            try:
                names = list(self._container.list_blob_names(name_starts_with=folder_of(job_id)))
            except ResourceNotFoundError:  # no container, no logs
                return ()
        return tuple(key for name in names if (key := key_of(name)) is not None)

    def remove(self, key: str) -> None:
        """Delete a log for good; one that is not there is fine."""
        with _storage_errors(), suppress(ResourceNotFoundError):
            self._blob(key).delete_blob(delete_snapshots="include")

    def _create(self, blob: BlobClient) -> None:
        try:
            blob.create_append_blob(if_none_match="*")
        except ResourceExistsError:
            return
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # the first log of another job, at the same time
                self._container.create_container()
            with suppress(ResourceExistsError):
                blob.create_append_blob(if_none_match="*")

    def _blob(self, key: str) -> BlobClient:
        return self._container.get_blob_client(relative_path(key))


def _limits() -> dict[str, Any]:
    return {
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _ANSWER_SECONDS,
        "retry_policy": LinearRetry(
            backoff=_RETRY_AFTER_SECONDS, retry_total=1, random_jitter_range=0
        ),
    }


class _Part(NamedTuple):
    size_bytes: int  # of the whole blob
    end: int  # where in it the data ends
    data: bytes
    appends: int


def _read(blob: BlobClient, start: int, length: int) -> _Part | None:
    """Return a part of the blob, None where it has none there, or does not exist."""
    try:
        answer = blob.download_blob(offset=start, length=length)
        data = answer.readall()
    except ResourceNotFoundError:
        return None
    except HttpResponseError as error:
        if error.status_code == _RANGE_NOT_SATISFIABLE:
            return None
        raise
    if not data:
        return None
    known = answer.properties
    size_bytes = int(str(known.content_range).rpartition("/")[2])
    return _Part(
        size_bytes=size_bytes,
        end=start + len(data),
        data=data,
        appends=known.append_blob_committed_block_count or 0,
    )


@contextmanager
def _conflicts(key: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError:  # only the first append makes the blob
        raise ArchiveConflictError(key) from None
    except HttpResponseError as error:
        if error.status_code == _POSITION_NOT_MET:
            raise ArchiveConflictError(key) from None
        raise


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        status = getattr(error, "status_code", None)
        what = type(error).__name__ + (f", HTTP {status}" if status else "")
        # Not `from error`: its text may hold the URL, and with it a signature.
        raise StorageError(f"blob storage: {what}") from None
