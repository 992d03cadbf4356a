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
from typing import IO, TYPE_CHECKING, Any

from functions_host.durable.crash import CrashPoint, CrashSwitch
from functions_host.durable.events import parse_event
from functions_host.durable.store.contract import StoreError, StoreInUseError, StoreVersionError
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

MIGRATIONS = ("schema_v1.sql",)
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

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"The store {self._path} is not open.")
        return self._connection

    def open(self) -> None:
        """The store is ready and belongs to this process alone.

        Raises:
            StoreInUseError: another process has it open.
            StoreVersionError: its schema is newer than this program.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(f"The store {self._path} cannot be used: {error}") from error
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """The store is released; closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = self._path.with_name(self._path.name + ".lock").open("a+", encoding="ascii")
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
        """All the changes are durable, in this order, or none is.

        Raises:
            StoreError: the database could not be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._write(changes)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"The store {self._path} could not be written: {error}") from error

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
            Message(
                message_id=row[0], target_id=row[1], execution_id=row[2], event=parse_event(row[3])
            )
            for row in self._db.execute(self._sql["read_messages"])
        ]
        tasks = [
            ActivityTask(
                row_id=row[0],
                instance_id=row[1],
                execution_id=row[2],
                task_id=row[3],
                name=row[4],
                payload=row[5],
            )
            for row in self._db.execute(self._sql["read_tasks"])
        ]
        timers = [
            Timer(instance_id=row[0], execution_id=row[1], timer_id=row[2], fire_us=row[3])
            for row in self._db.execute(self._sql["read_timers"])
        ]
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


def _to_instance(row: Sequence[Any]) -> Instance:
    parent = None
    if row[10] is not None:
        parent = ParentLink(
            instance_id=row[10], execution_id=row[11], name=row[12], task_id=row[13]
        )
    return Instance(
        instance_id=row[0],
        execution_id=row[1],
        name=row[2],
        version=row[3],
        status=Status(row[4]),
        input=row[5],
        output=row[6],
        custom_status=row[7],
        created_us=row[8],
        updated_us=row[9],
        parent=parent,
    )


def _to_entity(row: Sequence[Any]) -> Entity:
    return Entity(entity_id=row[0], exists=bool(row[1]), state=row[2], updated_us=row[3])
