"""Job logs as files in a folder."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from acijobs.domain.errors import ArchiveConflictError
from acijobs.domain.job_id import is_valid
from acijobs.domain.log_window import ArchivedEnd

if TYPE_CHECKING:
    from pathlib import Path


class FolderArchive:
    """One file per job in a folder; implements `acijobs.usecases.ports.LogArchive`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, job_id: str) -> None:
        """Make the job's log empty: an earlier job may have had the same id."""
        self._path(job_id).unlink(missing_ok=True)

    def read_end(self, job_id: str, max_bytes: int) -> ArchivedEnd:
        """Return the end of the job's log; empty when there is none."""
        try:
            with self._path(job_id).open("rb") as file:
                size_bytes = os.fstat(file.fileno()).st_size
                file.seek(max(0, size_bytes - max_bytes))
                return ArchivedEnd(size_bytes=size_bytes, data=file.read(max_bytes))
        except FileNotFoundError:
            return ArchivedEnd(size_bytes=0, data=b"")

    def append(self, job_id: str, at_byte: int, data: bytes) -> None:
        """Append to the job's log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._path(job_id).open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_size != at_byte:
                raise ArchiveConflictError(job_id)
            written = 0
            try:
                while written < len(data):
                    written += file.write(data[written:])
            except OSError:
                file.truncate(at_byte)  # a full disk must not leave half a line behind
                raise

    def _path(self, job_id: str) -> Path:
        name = job_id if is_valid(job_id) else sha256(job_id.encode()).hexdigest()
        return self._folder / f"{name}.log"
