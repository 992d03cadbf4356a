"""The durable store: SQLite in WAL mode, one transaction per group of changes.

`synchronous=NORMAL`: a commit survives the death of the process at once, and a power cut from the
next checkpoint on. See docs/reference/durable-engine.md for what a power cut can lose.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from importlib import resources
from typing import IO, TYPE_CHECKING

from functions_host.durable.crash import CrashPoint, CrashSwitch
from functions_host.durable.events import parse_event
from functions_host.durable.store.errors import StoreError, StoreInUseError, StoreVersionError
from functions_host.durable.store.records import (
    ActivityTask,
    AddMessage,
    Backlog,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    DiscardMessages,
    Entity,
    Instance,
    InstancePage,
    InstanceQuery,
    Message,
    ParentLink,
    Purge,
    RecordResult,
    Rewind,
    Status,
    Timer,
)
from functions_host.durable.store.write_plan import WRITE_ORDER, WritePlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from functions_host.durable.events import Event
    from functions_host.durable.store.records import Change

MIGRATIONS = ("schema_v1.sql", "schema_v2.sql")
"""The scripts that lead from an empty database to the current schema, in order."""


def _read_queries() -> dict[str, str]:
    text = resources.files(__package__).joinpath("queries.sql").read_text("utf-8")
    queries = {}
    for block in text.split("-- name: ")[1:]:
        name, _, statement = block.partition("\n")
        queries[name.strip()] = statement.strip().rstrip(";")
    return queries


class SqliteStore:
    """Keeps everything in one SQLite file, which one process may open at a time.

    Args:
        path: The database file; its folder is made if missing. A `.lock` file lies beside it.
        crash: Where tests make the process die.
    """

    def __init__(self, path: Path, crash: CrashSwitch | None = None) -> None:
        self._path = path
        self._crash = crash or CrashSwitch()
        self._sql = _read_queries()
        self._lock: IO[str] | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)  # device and inode of the open file

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"The store {self._path} is not open.")
        return self._connection

    def open(self) -> None:
        """Open the store for this process alone.

        Raises:
            StoreInUseError: another process has it open.
            StoreVersionError: its schema is newer than this program.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._touch()
            self._connection = sqlite3.connect(self._path, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(f"The store {self._path} cannot be used: {error}") from error
        except StoreError:
            self.close()
            raise

    def _touch(self) -> None:
        """Let the file be there, the user's alone; SQLite gives the same mode to those beside it."""
        self._path.touch(mode=0o600)
        self._path.chmod(0o600)
        made = self._path.stat()
        self._identity = (made.st_dev, made.st_ino)

    def close(self) -> None:
        """Release the store; closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        path = self._path.with_name(self._path.name + ".lock")
        path.touch(mode=0o600)
        lock = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise StoreInUseError(
                f"The state in {self._path.parent} is in use by another host (process {owner})."
                " Stop it, or choose another state folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StoreVersionError(
                f"The store {self._path} has schema version {version}, this program knows"
                f" {len(MIGRATIONS)}. Use the newer program, or another state folder."
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            text = resources.files(__package__).joinpath(script).read_text("utf-8")
            self._db.executescript(f"BEGIN IMMEDIATE; {text}; PRAGMA user_version = {number};")
            self._crash.reach(CrashPoint.MIGRATION_WRITTEN)
            self._db.execute("COMMIT")

    def apply(self, changes: Sequence[Change]) -> None:
        """Make all the changes durable, in this order, or none.

        A `RecordResult` whose task is gone already changes nothing.

        Raises:
            StoreError: the database could not be written, or its file is gone.
            Exception: any other one is about one of the changes, and nothing was written.
        """
        self._require_file()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._write(changes)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except _ABOUT_VALUES:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"The store {self._path} could not be written: {error}") from error

    def _require_file(self) -> None:
        """Refuse to go on writing into a file that nobody will find again."""
        try:
            there = self._path.stat()
        except OSError as error:
            raise StoreError(f"The store {self._path} is gone: {error.strerror}") from error
        if (there.st_dev, there.st_ino) != self._identity:
            raise StoreError(f"The store {self._path} was replaced by another file.")

    def _write(self, changes: Sequence[Change]) -> None:
        plan = WritePlan()
        for change in changes:
            if isinstance(change, DiscardMessages | Purge | Rewind):
                self._execute(plan)
                plan = WritePlan()
            plan.add(change)
        self._execute(plan)
        for change in changes:
            self._crash.reach(_WRITTEN[type(change)])

    def _execute(self, plan: WritePlan) -> None:
        for name in WRITE_ORDER:
            rows = plan.rows.get(name)
            if rows:
                self._db.executemany(self._sql[name], rows)

    def backlog(self) -> Backlog:
        """Return the messages, tasks and timers under way, in the order they were made."""
        messages = [
            Message(**{**row, "event": parse_event(row["event"])})
            for row in self._db.execute(self._sql["read_messages"])
        ]
        tasks = [ActivityTask(**row) for row in self._db.execute(self._sql["read_tasks"])]
        timers = [Timer(**row) for row in self._db.execute(self._sql["read_timers"])]
        return Backlog(messages=messages, tasks=tasks, timers=timers)

    def find_instance(self, instance_id: str) -> Instance | None:
        """Return an instance, or None if there is none."""
        row = self._db.execute(self._sql["find_instance"], (instance_id,)).fetchone()
        return None if row is None else _to_instance(row)

    def read_history(self, instance_id: str) -> list[Event]:
        """Return an instance's history in order; empty if it has none."""
        rows = self._db.execute(self._sql["read_history"], (instance_id,))
        return [parse_event(row[0]) for row in rows]

    def list_instances(self, query: InstanceQuery) -> InstancePage:
        """Return one page of the instances that the query selects."""
        limit = -1 if query.limit is None else query.limit + 1
        rows = self._db.execute(
            self._sql["list_instances"],
            {
                "after": query.after,
                "created_from_us": query.created_from_us,
                "created_to_us": query.created_to_us,
                "id_prefix": query.id_prefix,
                "any_status": not query.statuses,
                "statuses": json.dumps(sorted(query.statuses)),
                "limit": limit,
            },
        ).fetchall()
        has_more = query.limit is not None and len(rows) > query.limit
        shown = rows[: query.limit] if has_more else rows
        return InstancePage(
            instances=[_to_instance(row) for row in shown],
            next_after=shown[-1][-1] if has_more and shown else None,
        )

    def list_children(self, instance_id: str) -> list[Instance]:
        """Return the instances whose parent is this one."""
        rows = self._db.execute(self._sql["list_children"], (instance_id,))
        return [_to_instance(row) for row in rows]

    def find_entity(self, entity_id: str) -> Entity | None:
        """Return an entity, or None if it never had a batch."""
        row = self._db.execute(self._sql["find_entity"], (entity_id,)).fetchone()
        return None if row is None else _to_entity(row)

    def list_entities(self, name: str) -> list[Entity]:
        """Return the entities that exist, of one name, or of all if the name is empty."""
        prefix = f"@{name.lower()}@" if name else "@"
        rows = self._db.execute(self._sql["list_entities"], {"prefix": prefix})
        return [_to_entity(row) for row in rows]


_ABOUT_VALUES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What SQLite raises for a value that it cannot take, while the file is well."""

_PARENT = ("instance_id", "execution_id", "name", "task_id")
_WRITTEN: dict[type, CrashPoint] = {
    CreateInstance: CrashPoint.CREATE_WRITTEN,
    AddMessage: CrashPoint.MESSAGE_WRITTEN,
    CommitEpisode: CrashPoint.EPISODE_WRITTEN,
    RecordResult: CrashPoint.RESULT_WRITTEN,
    CommitEntity: CrashPoint.ENTITY_WRITTEN,
    DiscardMessages: CrashPoint.DISCARD_WRITTEN,
    Purge: CrashPoint.PURGE_WRITTEN,
    Rewind: CrashPoint.REWIND_WRITTEN,
}


def _to_instance(row: sqlite3.Row) -> Instance:
    fields = dict(row)
    fields.pop("position", None)
    parent = {name: fields.pop(f"parent_{name}") for name in _PARENT}
    fields["status"] = Status(fields["status"])
    fields["parent"] = None if parent["instance_id"] is None else ParentLink(**parent)
    return Instance(**fields)


def _to_entity(row: sqlite3.Row) -> Entity:
    return Entity(**{**row, "exists": bool(row["exists"])})
