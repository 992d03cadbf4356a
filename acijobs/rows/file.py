"""The jobs' rows in a SQLite file, for running without Azure."""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
import threading
import weakref
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import iso
from acijobs.domain.errors import RowConflictError, RowExistsError, StorageError
from acijobs.rows.packing import (
    is_same_submission,
    new_store,
    pack_row,
    pack_spec,
    unpack_row,
    unpack_spec,
)
from acijobs.usecases.ports import Store, StoredRow, Unsettled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acijobs.domain.row import Row

FILE = "rows.sqlite"

_BUSY_SECONDS = 2.0
_VERSION_BITS = 48

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE jobs (
    job_id      TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,  -- from a random number up: a job of the same id later has another
    state       TEXT NOT NULL,     -- the row, JSON
    spec        BLOB NOT NULL,     -- the specification, compressed JSON
    accepted_at TEXT NOT NULL,
    over_at     TEXT NOT NULL,
    settled     INTEGER NOT NULL
);
CREATE INDEX unsettled ON jobs (job_id) WHERE settled = 0;
CREATE TABLE store (id TEXT NOT NULL, digest_key BLOB NOT NULL, bookmark TEXT NOT NULL);
"""


class FileRows:
    """The rows in one SQLite file of a folder; implements `acijobs.usecases.ports.Rows`.

    Each call opens a connection of its own: connections must not cross threads or forks, and one for
    each thread would stay open when its thread has ended. Threads and processes may share the file;
    a change waits 2 s for another one to end. A crash of the process loses nothing, one of the machine
    may lose the last changes.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder.absolute() / FILE
        self._turn = threading.Lock()
        # Never used: while it is open, no other one is the last to be closed, which would write the
        # log of changes back each time. That is ten times as slow.
        self._keeper: sqlite3.Connection | None = None

    def store(self) -> Store:
        """Return what this store is known by, always the same."""
        with self._open() as file:
            found = file.execute("SELECT id, digest_key FROM store").fetchone()
        if found is None:
            raise StorageError("the file of rows does not say what it is known by")
        store_id, digest_key = found
        return Store(id=store_id, digest_key=digest_key)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification; from then on it is unsettled.

        Raises:
            RowExistsError: there is a job of this id.
        """
        job, version = (row.job_id, pack_row(row), pack_spec(spec)), secrets.randbits(_VERSION_BITS)
        with self._change() as file:
            there = _read(file, row.job_id)
            if there is None:
                file.execute(
                    "INSERT INTO jobs (job_id, state, spec, version, accepted_at, over_at, settled)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*job, version, iso(row.accepted_at), iso(row.over_at), row.settled),
                )
                return unpack_row(row.job_id, job[1], str(version))
        if is_same_submission(there.row, row):
            return there
        raise RowExistsError(row.job_id)

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row, None when there is no job of this id."""
        with self._open() as file:
            return _read(file, job_id)

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification, None when there is no job of this id."""
        with self._open() as file:
            stored = _read(file, job_id)
            found = file.execute("SELECT spec FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return None if stored is None else (stored, unpack_spec(found[0]))

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row, if it still is as it was read; a settled row stops being unsettled.

        As in a table, a row that is as it was to become counts as changed.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        state = pack_row(changed, stored)
        with self._change() as file:
            done = file.execute(
                "UPDATE jobs SET version = version + 1, state = ?, settled = ?"
                " WHERE job_id = ? AND version = ?",
                (state, changed.settled, changed.job_id, int(stored.version)),
            )
            there = _read(file, changed.job_id)
        if there is not None and done.rowcount:
            return there
        if there is None or pack_row(there.row, there) != state:
            raise RowConflictError(changed.job_id)
        return there

    def now(self) -> datetime:
        """Return the time of this machine, on which the file is."""
        return datetime.now(UTC)

    def bookmark(self) -> str:
        """Return the id where the last round through the unsettled jobs stopped."""
        with self._open() as file:
            found = file.execute("SELECT bookmark FROM store").fetchone()
        return str(found[0]) if found else ""

    def set_bookmark(self, job_id: str) -> None:
        """Note where a round stopped."""
        with self._change() as file:
            file.execute("UPDATE store SET bookmark = ?", (job_id,))

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that are not settled, ordered by id, after this one."""
        query = (
            "SELECT job_id, accepted_at, over_at FROM jobs"
            " WHERE settled = 0 AND job_id > ? ORDER BY job_id LIMIT ?"
        )
        with self._open() as file:
            found = file.execute(query, (after, limit)).fetchall()
        return tuple(
            Unsettled(
                job_id=job_id,
                accepted_at=datetime.fromisoformat(accepted_at),
                over_at=datetime.fromisoformat(over_at),
            )
            for job_id, accepted_at, over_at in found
        )

    def forget_settled(self, job_id: str) -> None:
        """Do nothing: here the list is part of the rows, and never behind them."""

    def close(self) -> None:
        """Write all changes into the file itself; calls afterwards are fine."""
        with self._turn:
            if self._keeper is not None:
                self._keeper.close()
                self._keeper = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._file.exists():
                _make(self._file)
            with closing(_connect(self._file)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except OSError as error:  # its own text names the file, which is the operator's business
            raise StorageError(f"the file of rows: {error.strerror}") from error
        except sqlite3.Error as error:
            raise StorageError(f"the file of rows: {type(error).__name__}: {error}") from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        # SQLite's own waiting is not fair: of a hundred threads some would never have their turn.
        if not self._turn.acquire(timeout=_BUSY_SECONDS):
            raise StorageError("the file of rows: too many changes at once")
        try:
            with self._open() as connection:
                self._keep_open()
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        finally:
            self._turn.release()

    def _keep_open(self) -> None:
        if self._keeper is None:
            self._keeper = _connect(self._file, check_same_thread=False)
            weakref.finalize(self, self._keeper.close)
            self._keeper.execute("SELECT 1 FROM store").fetchall()


def _read(file: sqlite3.Connection, job_id: str) -> StoredRow | None:
    found = file.execute("SELECT state, version FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if found is None:
        return None
    state, version = found
    return unpack_row(job_id, state, str(version))


def _connect(file: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    # An empty file in the place of one that was just removed would be a store without its id.
    return sqlite3.connect(
        f"{file.as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=check_same_thread,
    )


def _make(file: Path) -> None:
    """Make the file in one step, so that nobody opens half of one; the first of several wins.

    It is not opened and closed in its place: that would release the locks that other threads of this
    process hold on it. Source: How To Corrupt An SQLite Database File, 2.2, sqlite.org.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".new-") as folder:
        new = Path(folder) / FILE
        new.touch(mode=0o600)
        with closing(_connect(new)) as connection:
            connection.executescript(_SCHEMA)
            store = new_store()
            connection.execute("INSERT INTO store VALUES (?, ?, '')", (store.id, store.digest_key))
        with suppress(FileExistsError):
            os.link(new, file)
