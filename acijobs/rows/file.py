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
from acijobs.domain.listing import list_key
from acijobs.rows.packing import (
    is_same_submission,
    new_store,
    pack_labels,
    pack_outputs,
    pack_progress,
    pack_row,
    pack_spec,
    unpack_listed,
    unpack_row,
    unpack_spec,
    unpack_told,
)
from acijobs.usecases.ports import RECONCILER, Listed, Store, StoredRow, StoredTold, Unsettled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acijobs.domain.row import Row
    from acijobs.domain.told import Told, ToldProgress

FILE = "rows.sqlite"

_BUSY_SECONDS = 2.0
"""How long another process may hold the file …"""

_TURN_SECONDS = 30.0
"""… and how long a change waits for those of this process, each of which may wait for the disk."""

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

_SCHEMA_VERSION = 1
# For files of earlier releases, too, whose jobs have no key and are in no list.
_LISTS = f"""
BEGIN IMMEDIATE;
ALTER TABLE jobs ADD COLUMN list_key TEXT;
ALTER TABLE jobs ADD COLUMN labels TEXT;
CREATE UNIQUE INDEX listed ON jobs (list_key) WHERE list_key IS NOT NULL;
CREATE TABLE bookmarks (name TEXT PRIMARY KEY, place TEXT NOT NULL);
CREATE TABLE told (
    job_id   TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    progress TEXT,                 -- JSON
    outputs  TEXT,                 -- JSON
    looks    INTEGER NOT NULL DEFAULT 0
);
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
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
        self._is_current = False

    def store(self) -> Store:
        """Return what this store is known by, always the same."""
        with self._open() as file:
            found = file.execute("SELECT id, digest_key FROM store").fetchone()
        if found is None:
            raise StorageError("the file of rows does not say what it is known by")
        store_id, digest_key = found
        return Store(id=store_id, digest_key=digest_key)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job with its specification; from then on it is listed, and unsettled.

        Raises:
            RowExistsError: there is a job of this id.
        """
        job, version = (row.job_id, pack_row(row), pack_spec(spec)), secrets.randbits(_VERSION_BITS)
        entry = list_key(row.job_id, row.accepted_at), pack_labels(row.labels)
        with self._change() as file:
            there = _read(file, row.job_id)
            if there is None:
                file.execute(
                    "INSERT INTO jobs (job_id, state, spec, version, accepted_at, over_at, settled,"
                    " list_key, labels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*job, version, iso(row.accepted_at), iso(row.over_at), row.settled, *entry),
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

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round through jobs of this kind stopped."""
        with self._open() as file:
            query = "SELECT place FROM bookmarks WHERE name = ?"
            found = file.execute(query, (of,)).fetchone()
        return str(found[0]) if found else ""

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        with self._change() as file:
            file.execute("INSERT OR REPLACE INTO bookmarks VALUES (?, ?)", (of, place))

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

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs, the newest first, that come after this key."""
        query = (
            "SELECT list_key, labels FROM jobs WHERE list_key IS NOT NULL AND list_key > ?"
            " ORDER BY list_key LIMIT ?"
        )
        with self._open() as file:
            found = file.execute(query, (after, limit)).fetchall()
        entries = (unpack_listed(key, labels) for key, labels in found)
        return tuple(entry for entry in entries if entry is not None)

    def unlist(self, entry: Listed) -> None:
        """Do nothing: here an entry goes with its job."""

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job, if it still is as it was read.

        Raises:
            RowConflictError: it is not, or there is none any more.
        """
        job_id = stored.row.job_id
        with self._change() as file:
            query = "DELETE FROM jobs WHERE job_id = ? AND version = ?"
            done = file.execute(query, (job_id, int(stored.version))).rowcount
            if done:
                file.execute("DELETE FROM told WHERE job_id = ?", (job_id,))
        if not done:
            raise RowConflictError(job_id)

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        query = "SELECT progress, outputs, looks, version FROM told WHERE job_id = ?"
        with self._open() as file:
            found = file.execute(query, (job_id,)).fetchone()
        if found is None:
            return StoredTold(told=unpack_told(None, None, 0))
        return StoredTold(told=unpack_told(*found[:3]), version=str(found[3]))

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress, whatever it was before."""
        query = (
            "INSERT INTO told (job_id, version, progress) VALUES (?, ?, ?) ON CONFLICT (job_id)"
            " DO UPDATE SET version = version + 1, progress = excluded.progress"
        )
        with self._change() as file:
            file.execute(query, (job_id, secrets.randbits(_VERSION_BITS), pack_progress(progress)))

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told, if it still is as it was read.

        Raises:
            RowConflictError: it is not.
        """
        values = pack_outputs(told), told.looks, job_id
        with self._change() as file:
            if stored.version:
                query = (
                    "UPDATE told SET version = version + 1, outputs = ?, looks = ?"
                    " WHERE job_id = ? AND version = ?"
                )
                done = file.execute(query, (*values, int(stored.version))).rowcount
            else:
                query = (
                    "INSERT OR IGNORE INTO told (outputs, looks, job_id, version)"
                    " VALUES (?, ?, ?, ?)"
                )
                done = file.execute(query, (*values, secrets.randbits(_VERSION_BITS))).rowcount
        if not done:
            raise RowConflictError(job_id)

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
                self._bring_up_to_date(connection)
                yield connection
        except OSError as error:  # its own text names the file, which is the operator's business
            raise StorageError(f"the file of rows: {error.strerror}") from error
        except sqlite3.Error as error:
            raise StorageError(f"the file of rows: {type(error).__name__}: {error}") from error

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        """Add what a file of an earlier release lacks; of several who do so at once, one does."""
        if self._is_current:
            return
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] < _SCHEMA_VERSION:
                connection.executescript(_LISTS)
        except sqlite3.OperationalError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if connection.execute("PRAGMA user_version").fetchone()[0] < _SCHEMA_VERSION:
                raise
        self._is_current = True

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        # SQLite's own waiting is not fair: of a hundred threads some would never have their turn.
        if not self._turn.acquire(timeout=_TURN_SECONDS):
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
            connection.executescript(_LISTS)
            store = new_store()
            connection.execute("INSERT INTO store VALUES (?, ?, '')", (store.id, store.digest_key))
        with suppress(FileExistsError):
            os.link(new, file)
