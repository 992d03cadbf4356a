"""A hostile Azure: container groups that follow a script."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.domain.regions import Capability, Usage
from acijobs.usecases.ports import Group

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.spec.job import JobSpec
    from manual_clock import ManualClock

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
