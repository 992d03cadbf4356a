"""The outside of the use cases, scripted: a clock, rows and logs in memory, a hostile Azure."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import decode, encode
from acijobs.domain.errors import (
    ArchiveConflictError,
    BusyError,
    InvalidSettingsError,
    RefusedError,
    RowConflictError,
    RowExistsError,
    StorageError,
)
from acijobs.domain.group import MAIN_CONTAINER, Scope
from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.policy import PollPolicy
from acijobs.domain.row import Row
from acijobs.logs.window import ArchivedEnd
from acijobs.usecases.ports import Group, Store, StoredRow, Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.spec.job import JobSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
SCOPE = Scope(subscription_id="s", resource_group="rg", app="acijobs", store="store1")
NEVER = 10**9


def busy(code: str = "ServiceUnavailable", **known: Any) -> BusyError:
    """Return the error of an Azure that has no capacity, as it answers before it does anything."""
    return BusyError(code, "no capacity", **({"is_refused": True} | known))


def denied() -> RefusedError:
    """Return the error of an Azure that does not let us."""
    return RefusedError("AuthorizationFailed", "no right")


@dataclass(kw_only=True)
class AfterWork:
    """A trouble that comes when the work was done: the answer is lost."""

    error: Exception


class ManualClock:
    """A clock that a test sets; sleeping is only counted."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.current = START
        self.slept: list[float] = []
        self._now = now
        self._ticks = itertools.count()

    def now(self) -> datetime:
        """Return the time: never the same twice, as on a real machine."""
        now = self._now() if self._now else self.current
        return now + timedelta(microseconds=next(self._ticks) % 1000)

    def sleep(self, seconds: float) -> None:
        """Count the pause."""
        self.slept.append(seconds)


class MemoryRows:
    """The jobs' rows in memory; implements `acijobs.usecases.ports.Rows`.

    Attributes:
        writes: Writes so far, by kind.
        before: Called before a call is done, by kind: for what others do meanwhile, or to raise.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._bookmark = ""
        self.writes: Counter[str] = Counter()
        self.before: dict[str, Callable[[], None]] = {}
        self.rows: dict[str, tuple[str, int]] = {}
        self.specs: dict[str, str] = {}
        self._unsettled: set[str] = set()
        self._lock = threading.RLock()

    def store(self) -> Store:
        """Return what this store is known by."""
        self._hook("store")
        return Store(id=SCOPE.store, digest_key=b"k" * 32)

    def insert(self, row: Row, spec: dict[str, Any]) -> StoredRow:
        """Add a job."""
        self._hook("insert")
        with self._lock:
            self.writes["insert"] += 1
            if row.job_id in self.rows:
                raise RowExistsError(row.job_id)
            self.rows[row.job_id] = (json.dumps(encode(row)), 1)
            self.specs[row.job_id] = json.dumps(spec)
            self._unsettled.add(row.job_id)
        return StoredRow(row=row, version="1")

    def read(self, job_id: str) -> StoredRow | None:
        """Return the job's row."""
        self._hook("read")
        found = self.rows.get(job_id)
        if found is None:
            return None
        return StoredRow(row=decode(Row, json.loads(found[0])), version=str(found[1]))

    def read_with_spec(self, job_id: str) -> tuple[StoredRow, dict[str, Any]] | None:
        """Return the job's row and its specification."""
        self._hook("read_with_spec")
        stored = self.read(job_id)
        return None if stored is None else (stored, json.loads(self.specs[job_id]))

    def spec_of(self, job_id: str) -> dict[str, Any]:
        """Return the job's specification; empty when there is none."""
        found: dict[str, Any] = json.loads(self.specs.get(job_id, "{}"))
        return found

    def swap(self, stored: StoredRow, changed: Row) -> StoredRow:
        """Change the row, if it still is as it was read."""
        self._hook("swap")
        with self._lock:
            current = self.rows.get(changed.job_id)
            if current is None or str(current[1]) != stored.version:
                raise RowConflictError(changed.job_id)
            self.writes["swap"] += 1
            self.rows[changed.job_id] = (json.dumps(encode(changed)), current[1] + 1)
            if changed.settled:
                self._unsettled.discard(changed.job_id)
        return StoredRow(row=changed, version=str(current[1] + 1))

    def unsettled(self, *, after: str = "", limit: int = 1_000) -> tuple[Unsettled, ...]:
        """Return jobs that may not be settled."""
        self._hook("unsettled")
        ids = sorted(job_id for job_id in self._unsettled if job_id > after)[:limit]
        rows = [self.now_of(job_id) for job_id in ids]
        return tuple(
            Unsettled(job_id=row.job_id, accepted_at=row.accepted_at, over_at=row.over_at)
            for row in rows
        )

    def now(self) -> datetime:
        """Return the time by the store's own clock."""
        self._hook("now")
        return self.clock.now()

    def bookmark(self) -> str:
        """Return the id where the last round stopped."""
        return self._bookmark

    def set_bookmark(self, job_id: str) -> None:
        """Note where a round stopped."""
        self._bookmark = job_id

    def forget_settled(self, job_id: str) -> None:
        """Take a settled job out of the list."""
        self._unsettled.discard(job_id)

    def now_of(self, job_id: str) -> Row:
        """Return the row as it is now."""
        found = self.rows[job_id]
        return decode(Row, json.loads(found[0]))

    def _hook(self, kind: str) -> None:
        self.before.get(kind, lambda: None)()


class MemoryLogs:
    """Logs in memory; implements `acijobs.usecases.ports.LogArchive`."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.troubles: list[Exception] = []

    def read_end(self, key: str, max_bytes: int, *, known_bytes: int = 0) -> ArchivedEnd:
        """Return the end of a log."""
        del known_bytes
        if self.troubles:
            raise self.troubles.pop(0)
        data = self.logs.get(key, b"")
        return ArchivedEnd(size_bytes=len(data), data=data[-max_bytes:])

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log."""
        if len(self.logs.get(key, b"")) != at_byte:
            raise ArchiveConflictError(key)
        self.logs[key] = self.logs.get(key, b"") + data


@dataclass(kw_only=True)
class ScriptedAzure:
    """Container groups that follow a script; implements `acijobs.usecases.ports.ContainerGroups`.

    Attributes:
        clock: The time they follow.
        pull_after_s: From the creation until the image is pulled.
        run_after_s: From the creation until the container runs.
        end_after_s: From the creation until it has ended.
        exit_code: How it ends; None for an end without an exit code.
        lines: Most lines that it prints, one a second.
        delete_takes: How many looks after a deletion still find the group.
        troubles: By method: errors to raise instead of doing it, or `AfterWork`; each once, None: none.
        before: By method: called before it is done, for what others do meanwhile.
        main: What the job's container shows instead of what the script says.
    """

    clock: ManualClock
    pull_after_s: float = 1
    run_after_s: float = 3
    end_after_s: float = 25
    exit_code: int | None = 0
    lines: int = 1_000
    delete_takes: int = 0
    troubles: dict[str, list[Any]] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    alive: dict[str, datetime] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    sidecar: ContainerState | None = None
    main: ContainerState | None = None
    invisible_until: datetime | None = None

    def get(self, name: str) -> Group | None:
        """Return the group."""
        with _Troubles(self, "get"):
            created_at = self.alive.get(name)
            if created_at is None:
                return None
            if self.invisible_until is not None and self.clock.now() < self.invisible_until:
                return None
            if name in self.deleted:
                self.delete_takes -= 1
                if self.delete_takes < 0:
                    del self.alive[name]
                    return None
            return Group(name=name, tags=self.tags[name], seen=self._observe(created_at))

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group, by its name."""
        with _Troubles(self, "listed"):
            return {name: self.tags[name] for name in self.alive}

    def create(self, name: str, spec: JobSpec, tags: dict[str, str]) -> None:
        """Create the group."""
        with _Troubles(self, "create"):
            assert spec.image
            self.created.append(name)
            self.alive[name] = self.clock.now()
            self.tags[name] = dict(tags)

    def delete(self, name: str) -> None:
        """Delete the group."""
        with _Troubles(self, "delete"):
            if name in self.alive:
                self.deleted.append(name)
                if self.delete_takes <= 0:
                    del self.alive[name]

    def read_log(self, name: str, container: str) -> str | None:
        """Return one line for each second that the container ran."""
        with _Troubles(self, "read_log"):
            created_at = self.alive.get(name)
            assert container == MAIN_CONTAINER
            if created_at is None:
                return None
            now = min(self.clock.now(), created_at + timedelta(seconds=self.end_after_s))
            started_at = created_at + timedelta(seconds=self.run_after_s)
            ran_s = int((now - started_at).total_seconds()) if now > started_at else 0
            seconds = range(min(ran_s, self.lines))
            return "".join(
                f"{(started_at + timedelta(seconds=s)).isoformat()} line {s}\n" for s in seconds
            )

    def vanish(self) -> None:
        """Somebody else deletes every group."""
        self.alive.clear()

    def _observe(self, created_at: datetime) -> Observation:
        age_s = (self.clock.now() - created_at).total_seconds()
        started_at = created_at + timedelta(seconds=self.run_after_s)
        main = ContainerState(name=MAIN_CONTAINER)
        events: tuple[ContainerEvent, ...] = ()
        if age_s >= self.pull_after_s:
            at = created_at + timedelta(seconds=self.pull_after_s)
            events = (ContainerEvent(name="Pulling", message="p", kind="Normal", first_at=at),)
            main = replace(main, state="Waiting")
        if age_s >= self.run_after_s:
            main = replace(main, state="Running", started_at=started_at)
        if age_s >= self.end_after_s:
            ended_at = created_at + timedelta(seconds=self.end_after_s)
            main = replace(main, state="Terminated", exit_code=self.exit_code, finished_at=ended_at)
        main = self.main or main
        others = (self.sidecar,) if self.sidecar is not None else ()
        return Observation(
            group_state="Running",
            provisioning_state="Succeeded",
            containers=(*others, main),
            events=events,
        )


class _Troubles:
    def __init__(self, azure: ScriptedAzure, method: str) -> None:
        azure.calls[method] += 1
        azure.before.get(method, lambda: None)()
        waiting = azure.troubles.get(method)
        self._trouble = waiting.pop(0) if waiting else None

    def __enter__(self) -> None:
        if isinstance(self._trouble, Exception):
            raise self._trouble

    def __exit__(self, *_: object) -> None:
        if isinstance(self._trouble, AfterWork):
            raise self._trouble.error


@dataclass(kw_only=True)
class World:
    """All of the outside; implements `acijobs.usecases.ports.Outside`.

    Attributes:
        settings_problem: A wrong setting of where groups are created, if there is one.
        logs_problem: A wrong setting of where logs are kept, if there is one.
        storage_down: Whether the store of rows does not answer.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    memory_rows: MemoryRows = field(init=False)
    memory_logs: MemoryLogs = field(default_factory=MemoryLogs)
    azure: ScriptedAzure = field(init=False)
    script: dict[str, Any] = field(default_factory=dict)
    policy: PollPolicy = field(default_factory=PollPolicy)
    settings_problem: str = ""
    logs_problem: str = ""
    storage_down: bool = False
    nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.memory_rows = MemoryRows(self.clock)
        self.azure = ScriptedAzure(clock=self.clock, **self.script)

    def rows(self) -> MemoryRows:
        """Return the jobs' rows."""
        if self.storage_down:
            raise StorageError("down")
        return self.memory_rows

    def logs(self) -> MemoryLogs:
        """Return the archive of logs."""
        if self.logs_problem:
            raise InvalidSettingsError((self.logs_problem,))
        return self.memory_logs

    def groups(self, scope: Scope) -> ScriptedAzure:
        """Return the container groups of this scope."""
        assert scope == SCOPE
        return self.azure

    def scope(self) -> Scope:
        """Return where new groups are created."""
        if self.settings_problem:
            raise InvalidSettingsError((self.settings_problem,))
        return SCOPE

    def poll_policy(self) -> PollPolicy:
        """Return how often jobs are polled."""
        return self.policy

    def nonce(self) -> str:
        """Return a nonce that no other attempt has."""
        return f"nonce{next(self.nonces):05d}"
