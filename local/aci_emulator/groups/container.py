"""The life of one container as the service shows it: pure, told the time, never waiting.

Waiting → Running → Terminated, and round again by the restart policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aci_emulator.groups.events import EventList
from aci_emulator.groups.history import ContainerRecord
from aci_emulator.image_references import repository

if TYPE_CHECKING:
    from datetime import datetime

    from aci_emulator.groups.spec import ContainerSpec, RestartPolicy

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


class Container:
    """One container of a group: its present state, the one before, its restarts and events."""

    def __init__(
        self, spec: ContainerSpec, *, init: bool = False, record: ContainerRecord | None = None
    ) -> None:
        self.spec = spec
        self.record = record or ContainerRecord(name=spec.name)
        self.init = init
        self.current = ContainerState()
        self.previous: ContainerState | None = None
        self.restart_count = 0
        self.ever_started = False
        self.final = False
        self.events = EventList()

    def pulling(self, now: datetime) -> None:
        """Show that the image is being fetched."""
        self.events.add("Pulling", f'pulling image "{self.spec.image}"', now)

    def pulled(self, digest: str, now: datetime) -> None:
        """Show that the image is there; both events name it as recorded, by repository and digest."""
        image = self.spec.image
        pinned = f"{repository(image)}@{digest}"
        self.events.reword("Pulling", f'pulling image "{image}"', f'pulling image "{pinned}"')
        self.events.add("Pulled", f'Successfully pulled image "{pinned}"', now)

    def pull_failed(self, reason: str, now: datetime) -> None:
        """Show that the image could not be fetched; the container goes on waiting."""
        message = f'Failed to pull image "{self.spec.image}": {reason}'
        self.events.add("Failed", message, now, warning=True)
        self.current = ContainerState(detail="ErrImagePull")

    def started(self, at: datetime) -> None:
        """Show that the container runs."""
        if self.current.phase == "Terminated":
            self.previous = self.current
        self.current = ContainerState(phase="Running", started_at=at)
        self.ever_started = True
        self.final = False
        self.record.started(at)
        self.events.add("Started", "Started container", at)

    def start_failed(self, reason: str, now: datetime) -> None:
        """Show a command that could not be executed as an exit with 127, as in a shell."""
        self.events.add("Failed", f"Error: {reason}", now, warning=True)
        self.current = ContainerState(
            phase="Terminated", started_at=now, finished_at=now, exit_code=127, detail="Error"
        )
        self.ever_started = True
        self.record.started(now)
        self.record.ended(now, 127)

    def exited(self, exit_code: int, at: datetime, detail: str = "") -> None:
        """Show an end by itself; the event is one of killing all the same [recorded]."""
        self._kill_event(at)
        self.record.ended(at, exit_code)
        self.current = ContainerState(
            phase="Terminated",
            started_at=self.current.started_at,
            finished_at=at,
            exit_code=exit_code,
            detail=detail or ("Completed" if exit_code == 0 else "Error"),
        )

    def never_created(self, now: datetime) -> None:
        """Show that every attempt to create it failed: it waits, though it counts restarts."""
        self.restart_count = 3
        self.current = ContainerState(detail="CreateContainerError")
        self.events.add("Failed", "Error: failed to create container", now, warning=True)

    def _kill_event(self, now: datetime) -> None:
        message = f"Killing container {self.spec.name} (platform initiated)."
        self.events.add("Killing", message, now)

    def backing_off(self, now: datetime) -> None:
        """Show that it waits before its next start."""
        self.previous, self.current = self.current, ContainerState(detail=CRASH_LOOP)
        self.events.add("BackOff", "Back-off restarting failed container", now, warning=True)

    def restarting(self) -> None:
        """Count a restart: the next start begins."""
        self.restart_count += 1

    def stopped_by_client(self, now: datetime) -> None:
        """Show the group as stopped: no exit code and no start time are left, whatever they were.

        Source: recorded Stop-AzContainerGroup (tests/fixtures/aci_emulator/stopped.json).
        """
        self.record.ended(now)
        if self.current.phase == "Running":
            self.previous = self.current
        self.current = ContainerState(phase="Terminated", finished_at=now, detail=STOPPED_BY_CLIENT)
        self.final = True

    def killed(self, now: datetime) -> None:
        """Show that it was taken away and will come back: restart, update, repair."""
        self.record.ended(now)
        if self.current.phase == "Running":
            self._kill_event(now)
        self.current, self.final = ContainerState(), False


def restarts(policy: RestartPolicy, exit_code: int) -> bool:
    """Return whether a container that ended with `exit_code` is started again."""
    if policy == "Always":
        return True
    return policy == "OnFailure" and exit_code != 0
