"""Job logs as append blobs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from acijobs.domain.errors import ArchiveConflictError
from acijobs.domain.log_window import ArchivedEnd

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobClient

CONTAINER = "acijobs-logs"
"""The container in the function app's own storage account."""

_MAX_BLOCK_BYTES = 4 * 1024 * 1024
"""Largest block an append takes. Source: REST API Append Block, versions before 2022-11-02."""


class BlobArchive:
    """One append blob per job; implements `acijobs.usecases.ports.LogArchive`.

    An append states the position it expects (`x-ms-blob-condition-appendpos`), so a late second
    writer is refused by the service itself.
    """

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    @classmethod
    def from_url(cls, container_url: str, credential: TokenCredential) -> BlobArchive:
        """Return the archive in the container at this URL, reached with an identity."""
        return cls(ContainerClient.from_container_url(container_url, credential=credential))

    @classmethod
    def from_connection_string(cls, connection: str) -> BlobArchive:
        """Return the archive in the container `acijobs-logs` of this storage account."""
        return cls(ContainerClient.from_connection_string(connection, CONTAINER))

    def start(self, job_id: str) -> None:
        """Make the job's log empty: an earlier job may have had the same id."""
        with suppress(ResourceNotFoundError):
            self._blob(job_id).delete_blob()

    def read_end(self, job_id: str, max_bytes: int) -> ArchivedEnd:
        """Return the end of the job's log; empty when there is none."""
        blob = self._blob(job_id)
        try:
            size_bytes = blob.get_blob_properties().size
        except ResourceNotFoundError:
            return ArchivedEnd(size_bytes=0, data=b"")
        if size_bytes == 0:
            return ArchivedEnd(size_bytes=0, data=b"")
        length = min(size_bytes, max_bytes)
        data = blob.download_blob(offset=size_bytes - length, length=length).readall()
        return ArchivedEnd(size_bytes=size_bytes, data=data)

    def append(self, job_id: str, at_byte: int, data: bytes) -> None:
        """Append to the job's log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        blob = self._blob(job_id)
        if at_byte == 0:
            self._create(blob)
        for start in range(0, len(data), _MAX_BLOCK_BYTES):
            block = data[start : start + _MAX_BLOCK_BYTES]
            try:
                blob.append_block(block, appendpos_condition=at_byte + start)
            except HttpResponseError as error:
                if error.status_code == 412:  # noqa: PLR2004 - the position was not as expected
                    raise ArchiveConflictError(job_id) from error
                raise

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

    def _blob(self, job_id: str) -> BlobClient:
        return self._container.get_blob_client(quote(job_id, safe="") + ".log")
