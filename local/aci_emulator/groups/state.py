"""The life of a container group as the service shows it: pure, told the time, never waiting.

    provisioning   Pending → Creating → Succeeded | Failed, then Updating, Repairing, Deleting
    group          Pending → Running → Succeeded | Failed | Stopped

Whoever runs containers tells a `Group` what happened; whoever serves requests reads it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aci_emulator.arm_ids import group_key
from aci_emulator.groups.container import Container
from aci_emulator.groups.events import EventList
from aci_emulator.groups.history import GroupRecord

if TYPE_CHECKING:
    from datetime import datetime

    from aci_emulator.arm_ids import Key
    from aci_emulator.groups.spec import ContainerSpec, GroupSpec


class Group:
    """A container group: what was asked for and what became of it."""

    def __init__(
        self,
        spec: GroupSpec,
        *,
        resource_group: str,
        created_at: datetime,
        provisioning_timeout_s: float = 1800,
    ) -> None:
        self.spec = spec
        self._default_timeout_s = provisioning_timeout_s
        self.resource_group = resource_group
        self.created_at = created_at
        self.provisioning = "Pending"
        self.stopped = False
        self.ended_at: datetime | None = None
        self.events = EventList()
        self.record = GroupRecord(
            name=spec.name,
            resource_group=resource_group,
            location=spec.location,
            created_at=created_at,
            tags=dict(spec.tags or {}),
        )
        self.init_containers = self._containers(spec.init_containers, init=True)
        self.containers = self._containers(spec.containers, init=False)

    def _containers(self, specs: tuple[ContainerSpec, ...], *, init: bool) -> dict[str, Container]:
        return {
            spec.name: Container(spec, init=init, record=self.record.container(spec.name))
            for spec in specs
        }

    @property
    def name(self) -> str:
        """The group's name."""
        return self.spec.name

    @property
    def provisioning_timeout_s(self) -> float:
        """After this it is Failed if it has not started: the request's word, or the service's."""
        asked = self.spec.provisioning_timeout_s
        return self._default_timeout_s if asked is None else asked

    @property
    def key(self) -> Key:
        """What tells it apart from every other group."""
        return group_key(self.resource_group, self.name)

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

    def redeploy(self, spec: GroupSpec, now: datetime, *, in_place: bool = False) -> None:
        """Begin anew with a (perhaps changed) request, as PUT on a group, start and restart do."""
        for container in self.every_container:
            container.killed(now)
        kept = {container.spec.name: container.events for container in self.every_container}
        self.spec = spec
        self.provisioning = "Updating" if in_place else "Pending"
        self.stopped, self.ended_at = False, None
        self.init_containers = self._containers(spec.init_containers, init=True)
        self.containers = self._containers(spec.containers, init=False)
        for container in self.every_container:
            container.events = kept.get(container.spec.name, container.events)

    def retag(self, tags: dict[str, str]) -> None:
        """Replace the tags; nothing else changes."""
        self.spec = replace(self.spec, tags=tags)

    def recase_tags(self) -> None:
        """Show the names of the tags in another letter case, as ARM was seen to do."""
        tags = {name.swapcase(): value for name, value in (self.spec.tags or {}).items()}
        self.retag(tags)

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
