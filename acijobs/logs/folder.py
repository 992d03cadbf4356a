"""Job logs as files in a folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from acijobs.domain.errors import ArchiveConflictError, StorageError
from acijobs.logs.keys import folder_of, key_of, relative_path
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path


class FolderArchive:
    """One file per container of each attempt; implements `acijobs.usecases.ports.LogArchive`.

    Appends are a compare-and-set by the file's lock and its size. A file is never emptied or
    written over, and deleted only with its job. Files and folders are the user's alone (0600, 0700).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:  # noqa: ARG002
        """Return the end of a log; empty when there is none. A file's size need not be known."""
        path = self._folder / relative_path(key)
        with _storage_errors():
            try:
                with path.open("rb") as file:
                    size_bytes = os.fstat(file.fileno()).st_size
                    file.seek(max(0, size_bytes - max_bytes))
                    data = file.read(min(size_bytes, max_bytes))
            except FileNotFoundError:
                return ArchivedEnd(size_bytes=0, data=b"")
        return ArchivedEnd(size_bytes=size_bytes, data=data)

    def read_range(self, key: str, offset: int, max_bytes: int) -> ArchivedPart:
        """Return the part of a log that begins at this offset; an empty one behind its end."""
        path = self._folder / relative_path(key)
        with _storage_errors():
            try:
                with path.open("rb") as file:
                    size_bytes = os.fstat(file.fileno()).st_size
                    file.seek(offset)
                    data = file.read(max(0, min(max_bytes, size_bytes - offset)))
            except FileNotFoundError:
                return ArchivedPart(size_bytes=0, offset=offset, data=b"")
        return ArchivedPart(size_bytes=size_bytes, offset=offset, data=data)

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log, which must be `at_byte` bytes long.

        Raises:
            ArchiveConflictError: it is not; somebody else appended.
        """
        path = self._folder / relative_path(key)
        with _storage_errors():
            _make_folder(path.parent)
            with open(path, "ab", buffering=0, opener=_users_alone) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file.fileno()).st_size != at_byte:
                    raise ArchiveConflictError(key)
                _write_all_or_nothing(file, at_byte, data)

    def keys(self, job_id: str) -> tuple[str, ...]:
        """Return the keys of all logs of a job."""
        folder = self._folder / folder_of(job_id)
        with _storage_errors():
            found = [path.relative_to(self._folder).as_posix() for path in folder.rglob("*")]
        return tuple(key for path in sorted(found) if (key := key_of(path)) is not None)

    def remove(self, key: str) -> None:
        """Delete a log for good, and the folders that are empty then; one that is not there is fine."""
        path = self._folder / relative_path(key)
        with _storage_errors():
            path.unlink(missing_ok=True)
        for parent in path.relative_to(self._folder).parents[:-1]:
            with suppress(OSError):  # not empty, or gone
                (self._folder / parent).rmdir()


def _write_all_or_nothing(file: FileIO, at_byte: int, data: bytes) -> None:
    written = 0
    try:
        while written < len(data):
            written += file.write(data[written:])
    except OSError:
        file.truncate(at_byte)  # a full disk must not leave half a line behind
        raise


def _users_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)  # `parents=True` would leave those to the umask
    with suppress(FileExistsError):  # made by somebody else meanwhile
        folder.mkdir(mode=0o700)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"the folder of logs: {error.strerror}") from error
