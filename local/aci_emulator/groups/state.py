"""The life of a container group as the service shows it: pure, told the time, never waiting.

    provisioning   Pending → Creating → Succeeded | Failed, then Repairing, Deleting
    group          Pending → Running → Succeeded | Failed | Stopped
    container      Waiting → Running → Terminated, and round again by the restart policy

Whoever runs containers tells a `Group` what happened; whoever serves requests reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aci_emulator.groups.spec import ContainerSpec, GroupSpec, RestartPolicy

ContainerPhase = Literal["Waiting", "Running", "Terminated"]
STOPPED_BY_CLIENT = "Container stopped per client request"
CRASH_LOOP = "CrashLoopBackOff: Back-off restarting failed"


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """One state of one container; None is what the service leaves out."""

    phase: ContainerPhase = "Waiting"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    detail: str = ""


@dataclass(kw_only=True)
class Event:
    """One kind of thing that happened, and how often."""

    name: str
    message: str
    warning: bool
    first_at: datetime
    last_at: datetime
    count: int = 1


class EventList:
    """Events in order of first occurrence; a repeat bumps `count` and `last_at`."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}

    def add(self, name: str, message: str, now: datetime, *, warning: bool = False) -> None:
        """Record that something happened."""
        known = self._events.get((name, message))
        if known is None:
            self._events[name, message] = Event(
                name=name, message=message, warning=warning, first_at=now, last_at=now
            )
        else:
            known.count += 1
            known.last_at = now

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events.values())

    def __len__(self) -> int:
        return len(self._events)


class Container:
    """One container of a group: its present state, the one before, its restarts and events."""

    def __init__(self, spec: ContainerSpec, *, init: bool = False) -> None:
        self.spec = spec
        self.init = init
        self.current = ContainerState()
        self.previous: ContainerState | None = None
        self.restart_count = 0
        self.ever_started = False
        self.final = False
        self.events = EventList()

    def pulling(self, now: datetime) -> None:
        """The image is being fetched."""
        self.events.add("Pulling", f'pulling image "{self.spec.image}"', now)

    def pulled(self, digest: str, now: datetime) -> None:
        """The image is there."""
        self.events.add("Pulled", f'Successfully pulled image "{digest or self.spec.image}"', now)

    def pull_failed(self, reason: str, now: datetime) -> None:
        """The image could not be fetched; the container goes on waiting."""
        message = f'Failed to pull image "{self.spec.image}": {reason}'
        self.events.add("Failed", message, now, warning=True)
        self.current = ContainerState(detail="ErrImagePull")

    def started(self, at: datetime) -> None:
        """The container runs."""
        if self.current.phase == "Terminated":
            self.previous = self.current
        self.current = ContainerState(phase="Running", started_at=at)
        self.ever_started = True
        self.final = False
        self.events.add("Started", "Started container", at)

    def start_failed(self, reason: str, now: datetime) -> None:
        """The command could not be executed: it counts as an exit with 127, as in a shell."""
        self.events.add("Failed", f"Error: {reason}", now, warning=True)
        self.current = ContainerState(
            phase="Terminated", started_at=now, finished_at=now, exit_code=127, detail="Error"
        )
        self.ever_started = True

    def exited(self, exit_code: int, at: datetime, detail: str = "") -> None:
        """The container ended by itself; there is no event for that."""
        self.current = ContainerState(
            phase="Terminated",
            started_at=self.current.started_at,
            finished_at=at,
            exit_code=exit_code,
            detail=detail or ("Completed" if exit_code == 0 else "Error"),
        )

    def backing_off(self, now: datetime) -> None:
        """The container waits before its next start."""
        self.previous, self.current = self.current, ContainerState(detail=CRASH_LOOP)
        self.events.add("BackOff", "Back-off restarting failed container", now, warning=True)

    def restarting(self) -> None:
        """The next start begins."""
        self.restart_count += 1

    def stopped_by_client(self, now: datetime) -> None:
        """The group was stopped: no exit code and no start time are left, whatever they were.

        Source: recorded Stop-AzContainerGroup (tests/fixtures/aci_emulator/stopped.json).
        """
        if self.current.phase == "Running":
            self.previous = self.current
        self.current = ContainerState(phase="Terminated", finished_at=now, detail=STOPPED_BY_CLIENT)
        self.final = True

    def killed(self, now: datetime) -> None:
        """The container was taken away and will come back: restart, update, repair."""
        if self.current.phase == "Running":
            message = f"Killing container {self.spec.name} (platform initiated)."
            self.events.add("Killing", message, now)
        self.current, self.final = ContainerState(), False


def restarts(policy: RestartPolicy, exit_code: int) -> bool:
    """Return whether a container that ended with `exit_code` is started again."""
    if policy == "Always":
        return True
    return policy == "OnFailure" and exit_code != 0


class Group:
    """A container group: what was asked for and what became of it."""

    def __init__(self, spec: GroupSpec, *, resource_group: str, created_at: datetime) -> None:
        self.spec = spec
        self.resource_group = resource_group
        self.created_at = created_at
        self.provisioning = "Pending"
        self.stopped = False
        self.ended_at: datetime | None = None
        self.events = EventList()
        self.init_containers = _containers(spec.init_containers, init=True)
        self.containers = _containers(spec.containers, init=False)

    @property
    def name(self) -> str:
        """The group's name."""
        return self.spec.name

    @property
    def every_container(self) -> list[Container]:
        """Init containers first, in the order of the request."""
        return [*self.init_containers.values(), *self.containers.values()]

    @property
    def transitioning(self) -> bool:
        """Whether the service refuses changes for now."""
        return self.provisioning in ("Pending", "Creating", "Updating", "Repairing", "Deleting")

    @property
    def finished(self) -> bool:
        """Whether every container has ended for good, or an init container has for all of them."""
        if any(c.final and c.current.exit_code != 0 for c in self.init_containers.values()):
            return True
        return all(container.final for container in self.containers.values())

    @property
    def state(self) -> str:
        """The group's state: Pending, Running, Stopped, Succeeded or Failed (policy Never only)."""
        if self.stopped:
            return "Stopped"
        if self.finished:
            return "Failed" if self._failed() else "Succeeded"
        if any(container.ever_started for container in self.containers.values()):
            return "Running"
        return "Pending"

    def _failed(self) -> bool:
        ended = (c for c in self.every_container if c.final)
        return any(container.current.exit_code != 0 for container in ended)

    def redeploy(self, spec: GroupSpec, now: datetime) -> None:
        """Begin anew with a (perhaps changed) request, as PUT on a group, start and restart do."""
        for container in self.every_container:
            container.killed(now)
        kept = {container.spec.name: container.events for container in self.every_container}
        self.spec = spec
        self.provisioning, self.stopped, self.ended_at = "Pending", False, None
        self.init_containers = _containers(spec.init_containers, init=True)
        self.containers = _containers(spec.containers, init=False)
        for container in self.every_container:
            container.events = kept.get(container.spec.name, container.events)

    def retag(self, tags: dict[str, str]) -> None:
        """Replace the tags; nothing else changes."""
        self.spec = replace(self.spec, tags=tags)

    def stop(self, now: datetime) -> None:
        """Show the group as stopped by its client."""
        for container in self.every_container:
            if not container.init:
                container.stopped_by_client(now)
        self.stopped, self.provisioning = True, "Succeeded"
        self.ended_at = now

    def taken_by_platform(self, now: datetime) -> None:
        """Show the group as under repair; its containers come back."""
        self.provisioning, self.ended_at = "Repairing", None
        for container in self.every_container:
            container.killed(now)


def _containers(specs: tuple[ContainerSpec, ...], *, init: bool) -> dict[str, Container]:
    return {spec.name: Container(spec, init=init) for spec in specs}
