"""The outside of the use cases, scripted: a clock, rows and logs in memory, a hostile Azure."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.callback.receiver import complaint
from acijobs.domain.callback.state import Delivery
from acijobs.domain.candidates import Candidate
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
from acijobs.domain.listing import list_key
from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.policy import PollPolicy
from acijobs.domain.regions import Capability, Usage
from acijobs.domain.retention import Retention
from acijobs.domain.row import Row
from acijobs.domain.spec.policy import JobPolicy
from acijobs.domain.told import Told, ToldProgress
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd
from acijobs.secret_sources.sources import SecretSources
from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.security.capability import Capabilities
from acijobs.security.sealing import Seals
from acijobs.usecases.ports import (
    RECONCILER,
    Group,
    Listed,
    Store,
    StoredRow,
    StoredTold,
    Unsettled,
)
from recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acijobs.domain.spec.job import JobSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
SCOPE = Scope(subscription_id="s", resource_group="rg", app="acijobs", store="store1")
HERE = (Candidate(scope=SCOPE, location="eastus"),)
NEVER = 10**9
CALLBACK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The operator's key; the one of the Standard Webhooks specification's own example."""
SEAL_KEY = base64.urlsafe_b64encode(b"s" * 32).decode()


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
        self.bookmarks: dict[str, str] = {}
        self.entries: dict[str, Listed] = {}
        self.all_told: dict[str, tuple[Told, int]] = {}
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
            key = list_key(row.job_id, row.accepted_at)
            self.entries[key] = Listed(
                key=key, job_id=row.job_id, accepted_at=row.accepted_at, labels=row.labels
            )
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

    def bookmark(self, of: str = RECONCILER) -> str:
        """Return where the last round stopped."""
        return self.bookmarks.get(of, "")

    def set_bookmark(self, place: str, of: str = RECONCILER) -> None:
        """Note where a round stopped."""
        self.bookmarks[of] = place

    def listed(self, *, after: str = "", limit: int = 1_000) -> tuple[Listed, ...]:
        """Return entries of the list of jobs."""
        self._hook("listed")
        return tuple(self.entries[key] for key in sorted(self.entries) if key > after)[:limit]

    def unlist(self, entry: Listed) -> None:
        """Take an entry out of the list."""
        self._hook("unlist")
        self.entries.pop(entry.key, None)

    def remove(self, stored: StoredRow) -> None:
        """Forget a settled job."""
        self._hook("remove")
        with self._lock:
            current = self.rows.get(stored.row.job_id)
            if current is None or str(current[1]) != stored.version:
                raise RowConflictError(stored.row.job_id)
            del self.rows[stored.row.job_id], self.specs[stored.row.job_id]
            self.all_told.pop(stored.row.job_id, None)

    def told(self, job_id: str) -> StoredTold:
        """Return what the job has told of itself so far."""
        self._hook("told")
        found = self.all_told.get(job_id)
        return StoredTold(told=Told()) if found is None else _stored_told(*found)

    def tell_progress(self, job_id: str, progress: ToldProgress) -> None:
        """Note the job's newest progress."""
        self._hook("tell_progress")
        with self._lock:
            self.writes["tell_progress"] += 1
            told, version = self.all_told.get(job_id, (Told(), 0))
            self.all_told[job_id] = replace(told, progress=progress), version + 1

    def swap_told(self, job_id: str, stored: StoredTold, told: Told) -> None:
        """Change outputs and looks of what the job has told."""
        self._hook("swap_told")
        with self._lock:
            there, version = self.all_told.get(job_id, (Told(), 0))
            if str(version or "") != stored.version:
                raise RowConflictError(job_id)
            changed = replace(there, outputs=told.outputs, looks=told.looks)
            self.all_told[job_id] = changed, version + 1

    def forget_settled(self, job_id: str) -> None:
        """Take a settled job out of the list."""
        self._unsettled.discard(job_id)

    def now_of(self, job_id: str) -> Row:
        """Return the row as it is now."""
        found = self.rows[job_id]
        return decode(Row, json.loads(found[0]))

    def _hook(self, kind: str) -> None:
        self.before.get(kind, lambda: None)()


def _stored_told(told: Told, version: int) -> StoredTold:
    return StoredTold(told=told, version=str(version))


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

    def read_range(self, key: str, offset: int, max_bytes: int) -> ArchivedPart:
        """Return a part of a log."""
        if self.troubles:
            raise self.troubles.pop(0)
        data = self.logs.get(key, b"")
        return ArchivedPart(
            size_bytes=len(data), offset=offset, data=data[offset : offset + max_bytes]
        )

    def append(self, key: str, at_byte: int, data: bytes) -> None:
        """Append to a log."""
        if len(self.logs.get(key, b"")) != at_byte:
            raise ArchiveConflictError(key)
        self.logs[key] = self.logs.get(key, b"") + data

    def keys(self, job_id: str) -> tuple[str, ...]:
        """Return the keys of all logs of a job."""
        if self.troubles:
            raise self.troubles.pop(0)
        return tuple(key for key in self.logs if key.startswith(f"{job_id}/"))

    def remove(self, key: str) -> None:
        """Delete a log for good."""
        self.logs.pop(key, None)


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
        specs: What each group that was created was asked for with.
        main: What the job's container shows instead of what the script says.
        stop_takes_s: How long a container runs on after it was stopped.
        others: What containers beside the job's show, those that run before it apart.
        init_containers: What those show that run before the job's.
        other_logs: Their logs, by container; an error is raised instead, each time.
        exit_codes: How the container of each group ends, in the order of their creation; then as
            `exit_code` says.
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
    specs: list[JobSpec] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    cores: dict[str, float] = field(default_factory=dict)
    largest_cpu: dict[str, float] = field(default_factory=dict)
    alive: dict[str, datetime] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    deleting: set[str] = field(default_factory=set)
    stopped: dict[str, datetime] = field(default_factory=dict)
    stop_takes_s: float = 3
    provisioning_state: str = "Succeeded"
    exit_codes: list[int | None] = field(default_factory=list)
    sidecar: ContainerState | None = None
    others: tuple[ContainerState, ...] = ()
    init_containers: tuple[ContainerState, ...] = ()
    other_logs: dict[str, str | Exception | None] = field(default_factory=dict)
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
            if name in self.deleting:
                self.delete_takes -= 1
                if self.delete_takes < 0:
                    self.deleting.discard(name)
                    del self.alive[name]
                    return None
            return Group(name=name, tags=self.tags[name], seen=self._observe(name, created_at))

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group, by its name."""
        with _Troubles(self, "listed"):
            return {name: self.tags[name] for name in self.alive}

    def create(self, name: str, spec: JobSpec, tags: dict[str, str], *, location: str) -> None:
        """Create the group."""
        with _Troubles(self, "create"):
            assert spec.image
            self.created.append(name)
            self.specs.append(spec)
            self.alive[name] = self.clock.now()
            self.tags[name] = dict(tags)
            self.locations[name] = location

    def usages(self, location: str) -> tuple[Usage, ...]:
        """Return the quotas of a region."""
        with _Troubles(self, "usages"):
            cores = self.cores.get(location, 100.0)
            return (
                Usage(name="ContainerGroups", used=len(self.alive), limit=100),
                Usage(name="StandardCores", used=0, limit=cores),
                Usage(name="StandardSpotCores", used=0, limit=cores),
            )

    def capabilities(self, location: str) -> tuple[Capability, ...]:
        """Return how large groups can be in a region."""
        with _Troubles(self, "capabilities"):
            return (
                Capability(max_cpu=self.largest_cpu.get(location, 32), max_memory_gb=256),
                Capability(address="Private", max_cpu=4, max_memory_gb=16),
                Capability(os="Linux", gpu="V100", max_cpu=64, max_memory_gb=512),
            )

    def delete(self, name: str) -> None:
        """Delete the group."""
        with _Troubles(self, "delete"):
            if name in self.alive:
                self.deleted.append(name)
                self.deleting.add(name)
                if self.delete_takes <= 0:
                    self.deleting.discard(name)
                    del self.alive[name]

    def stop(self, name: str) -> None:
        """End the group's containers."""
        with _Troubles(self, "stop"):
            self.stopped.setdefault(name, self.clock.now())

    def read_log(self, name: str, container: str) -> str | None:
        """Return one line for each second that the container ran."""
        with _Troubles(self, "read_log"):
            created_at = self.alive.get(name)
            if container in self.other_logs:
                return self._other_log(container)
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

    def _other_log(self, container: str) -> str | None:
        self.calls[container] += 1
        log = self.other_logs[container]
        if isinstance(log, Exception):
            raise log
        return log

    def vanish(self) -> None:
        """Somebody else deletes every group."""
        self.alive.clear()

    def _exit_code(self, name: str) -> int | None:
        number = self.created.index(name) if name in self.created else 0
        return self.exit_codes[number] if number < len(self.exit_codes) else self.exit_code

    def _observe(self, name: str, created_at: datetime) -> Observation:
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
            main = replace(
                main, state="Terminated", exit_code=self._exit_code(name), finished_at=ended_at
            )
        stopped_at = self.stopped.get(name)
        is_stopped = stopped_at is not None and (
            self.clock.now() >= stopped_at + timedelta(seconds=self.stop_takes_s)
        )
        if is_stopped and main.state != "Terminated":
            main = ContainerState(name=MAIN_CONTAINER, state="Terminated", detail="stopped")
        main = self.main or main
        others = (*self.others, *((self.sidecar,) if self.sidecar is not None else ()))
        return Observation(
            group_state="Stopped" if is_stopped else "Running",
            provisioning_state="Deleting" if name in self.deleting else self.provisioning_state,
            containers=(*others, main),
            events=events,
            init_containers=self.init_containers,
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


@dataclass(frozen=True, kw_only=True)
class Post:
    """A callback that was sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    at: datetime

    @property
    def event(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def phase(self) -> str:
        """The phase that it tells of."""
        return str(self.event["data"]["phase"])


@dataclass(kw_only=True)
class ScriptedCallbacks:
    """Receivers that follow a script; implements `acijobs.usecases.ports.Callbacks`.

    Attributes:
        clock: The time.
        posts: What was sent, in order.
        answers: What the next tries come to; 200 where there is none.
        always: What every try comes to, where it is set.
        before: Called before an answer is given, for what others do meanwhile.
    """

    clock: ManualClock
    posts: list[Post] = field(default_factory=list)
    answers: list[Delivery] = field(default_factory=list)
    always: Delivery | None = None
    before: Callable[[], None] = lambda: None

    def complaint(self, url: str) -> str | None:
        """Return why this URL may never be called."""
        return complaint(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Take a message."""
        self.posts.append(Post(url=url, body=body, headers=headers, at=self.clock.now()))
        self.before()
        if self.always is not None:
            return self.always
        return self.answers.pop(0) if self.answers else Delivery(status=200)


@dataclass(kw_only=True)
class ScriptedVault:
    """Key vaults in memory.

    Attributes:
        secrets: By URL.
        troubles: Errors to raise instead, each once.
        reads: The URLs that were read.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    troubles: list[Exception] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def read(self, url: str) -> str:
        """Return the value of the secret at this URL."""
        self.reads.append(url)
        if self.troubles:
            raise self.troubles.pop(0)
        if url not in self.secrets:
            raise RefusedError("InvalidSettings", "there is no secret there")
        return self.secrets[url]


@dataclass(kw_only=True)
class World:
    """All of the outside; implements `acijobs.usecases.ports.Outside`.

    Attributes:
        allowed: The operator's rules on jobs.
        settings_problem: A wrong setting of where groups are created, if there is one.
        logs_problem: A wrong setting of where logs are kept, if there is one.
        storage_down: Whether the store of rows does not answer.
        operators_key: The key of callbacks of jobs that bring none.
        seal_keys: Fernet keys, the newest first.
        capability_keys: Keys of capabilities, the newest first.
        capability_days: How long a capability is good, None for ever.
        app_settings: The app's settings that jobs may name.
        vault: The secrets of every key vault.
        own_locations: The operator's regions.
        other_scopes: Scopes beside `SCOPE`.
        left: Those of them that the settings name no more.
        elsewhere: Azure in each of these that was asked for anything.
        telemetry: What was measured and shown.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    memory_rows: MemoryRows = field(init=False)
    memory_logs: MemoryLogs = field(default_factory=MemoryLogs)
    azure: ScriptedAzure = field(init=False)
    script: dict[str, Any] = field(default_factory=dict)
    policy: PollPolicy = field(default_factory=PollPolicy)
    retained_for: Retention = field(default_factory=Retention)
    allowed: JobPolicy = field(default_factory=JobPolicy)
    settings_problem: str = ""
    logs_problem: str = ""
    storage_down: bool = False
    operators_key: str = CALLBACK_KEY
    scripted_callbacks: ScriptedCallbacks = field(init=False)
    seal_keys: tuple[str, ...] = (SEAL_KEY,)
    capability_keys: tuple[bytes, ...] = (b"c" * 32,)
    capability_days: float | None = None
    app_settings: dict[str, str] = field(default_factory=dict)
    vault: ScriptedVault = field(default_factory=ScriptedVault)
    own_locations: tuple[str, ...] = ("eastus",)
    other_scopes: tuple[Scope, ...] = ()
    left: set[Scope] = field(default_factory=set)
    elsewhere: dict[Scope, ScriptedAzure] = field(default_factory=dict)
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.memory_rows = MemoryRows(self.clock)
        self.azure = ScriptedAzure(clock=self.clock, **self.script)
        self.scripted_callbacks = ScriptedCallbacks(clock=self.clock)

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
        if scope == SCOPE:
            return self.azure
        assert scope in self.other_scopes
        return self.elsewhere.setdefault(scope, ScriptedAzure(clock=self.clock))

    def scopes(self) -> tuple[Scope, ...]:
        """Return where new groups are created."""
        if self.settings_problem:
            raise InvalidSettingsError((self.settings_problem,))
        return (SCOPE, *(scope for scope in self.other_scopes if scope not in self.left))

    def callbacks(self) -> ScriptedCallbacks:
        """Return what sends callbacks."""
        return self.scripted_callbacks

    def callback_secret(self) -> str:
        """Return the operator's key."""
        return self.operators_key

    def app_url(self) -> str:
        """Return where callers reach the app."""
        return "https://jobs.example.com"

    def poll_policy(self) -> PollPolicy:
        """Return how often jobs are polled."""
        return self.policy

    def locations(self) -> tuple[str, ...]:
        """Return the operator's own regions."""
        return self.own_locations

    def retention(self) -> Retention:
        """Return how long jobs are kept."""
        return self.retained_for

    def job_policy(self) -> JobPolicy:
        """Return the operator's rules on jobs."""
        return self.allowed

    def nonce(self) -> str:
        """Return a nonce that no other attempt has."""
        return f"nonce{next(self.nonces):05d}"

    def seals(self) -> Seals:
        """Return what seals and opens secret values."""
        return Seals(self.seal_keys)

    def secrets(self) -> SecretSources:
        """Return where the secrets of jobs come from."""
        return SecretSources(
            self.seals(),
            setting=self.app_settings.get,
            setting_prefix="JobSecret_",
            hosts=VaultHosts(),
            vaults=lambda: self.vault,  # type: ignore[arg-type,return-value]
        )

    def capabilities(self) -> Capabilities:
        """Return what makes and reads capabilities."""
        return Capabilities(self.capability_keys, days=self.capability_days)

    def event_url(self) -> str:
        """Return where containers reach the app."""
        return "https://app.example"
