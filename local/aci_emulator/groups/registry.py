"""Every container group there is, and the changes clients may make to them."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aci_emulator.groups import errors
from aci_emulator.groups.deployment import Around, Deployment, Troubles
from aci_emulator.groups.state import Group
from aci_emulator.groups.updates import check_update
from aci_emulator.groups.views import event_views
from aci_emulator.operations.state import Operation, Operations

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.settings import Limits

NO_TROUBLES = Troubles()
Key = tuple[str, str]


@dataclass(kw_only=True)
class Entry:
    """A group, its present run and its deletion under way."""

    group: Group
    deployment: Deployment | None = None
    deletion: asyncio.Task[None] | None = None


class ContainerGroups:
    """The container groups of the subscription."""

    def __init__(self, around: Around, operations: Operations, limits: Limits) -> None:
        self._around = around
        self._operations = operations
        self._limits = limits
        self._entries: dict[Key, Entry] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self.created_total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Group]:
        return (entry.group for entry in self._entries.values())

    def find(self, resource_group: str, name: str) -> Entry | None:
        """Return a group's entry, or None."""
        return self._entries.get((resource_group.lower(), name.lower()))

    def get(self, resource_group: str, name: str) -> Entry:
        """Return a group's entry.

        Raises:
            ArmError: `ResourceNotFound`.
        """
        entry = self.find(resource_group, name)
        if entry is None:
            raise errors.not_found(name, resource_group)
        return entry

    @property
    def runtime_name(self) -> str:
        """Which runtime runs the containers."""
        return self._around.runtime.name

    @staticmethod
    def sort_key(group: Group) -> tuple[str, str]:
        """Return a group's place in lists."""
        return group.resource_group.lower(), group.name

    def page(
        self, resource_group: str | None, *, after: tuple[str, str] | None, size: int
    ) -> list[Group]:
        """Return up to `size` groups that come after a place in the list."""
        wanted = (
            key
            for key in self._entries
            if (resource_group is None or key[0] == resource_group.lower())
            and (after is None or key > after)
        )
        return [self._entries[key].group for key in heapq.nsmallest(size, wanted)]

    def holds(self, entry: Entry) -> bool:
        """Return whether a group is there and not being deleted."""
        group = entry.group
        there = self.find(group.resource_group, group.name) is entry
        return there and entry.deletion is None

    def named(self, name: str) -> list[Entry]:
        """Return the groups of a name, whatever their resource group."""
        return [entry for (_, known), entry in self._entries.items() if known == name.lower()]

    def state_of(self, group: Group) -> str:
        """Return a group's state as shown: it follows its containers with some lag."""
        if group.ended_at is not None and not group.stopped:
            shown_at_s = group.ended_at.timestamp() + self._around.delays.group_lag_s
            if self._around.clock.now().timestamp() < shown_at_s:
                return "Running"
        return group.state

    async def put(
        self, resource_group: str, spec: GroupSpec, troubles: Troubles = NO_TROUBLES
    ) -> tuple[Group, Operation, bool]:
        """Create a group, or update the one of that name; return whether it is new.

        Raises:
            ArmError: quota, `ContainerGroupTransitioning`, `InvalidContainerGroupUpdate`.
        """
        entry = self.find(resource_group, spec.name)
        if entry is None:
            return self._create(resource_group, spec, troubles)
        check_update(entry.group, spec)
        if entry.group.spec == spec and not entry.group.finished and not entry.group.stopped:
            # Nothing to change: the running containers are left alone.
            operation = self._operation(entry.group)
            operation.succeed()
            return entry.group, operation, False
        return entry.group, self._redeploy(entry, spec, troubles), False

    def _create(
        self, resource_group: str, spec: GroupSpec, troubles: Troubles
    ) -> tuple[Group, Operation, bool]:
        self._check_quota(spec)
        now = self._around.clock.now()
        group = Group(spec, resource_group=resource_group, created_at=now)
        entry = Entry(group=group)
        self._entries[resource_group.lower(), spec.name] = entry
        self.created_total += 1
        return group, self._deploy(entry, troubles), True

    def _check_quota(self, spec: GroupSpec) -> None:
        limits, location = self._limits, spec.location
        if limits.groups is not None:
            count = sum(1 for group in self if group.spec.location == location)
            if count + 1 > limits.groups:
                raise errors.quota_reached("ContainerGroups", location, limits.groups, count, 1)
        if limits.cores is not None:
            used = self.cores_in_use(location, spot=spec.spot)
            quota = "StandardSpotCores" if spec.spot else "StandardCores"
            if used + spec.cores > limits.cores:
                raise errors.quota_reached(quota, location, limits.cores, used, spec.cores)

    def _operation(self, group: Group) -> Operation:
        return self._operations.add(
            Operation(
                group=group.name,
                resource_group=group.resource_group,
                location=group.spec.location,
                started_at=self._around.clock.now(),
                events=lambda: _operation_events(group),
            )
        )

    def _deploy(self, entry: Entry, troubles: Troubles) -> Operation:
        operation = self._operation(entry.group)
        entry.deployment = Deployment(entry.group, self._around, operation, troubles)
        entry.deployment.begin()
        return operation

    def _redeploy(
        self, entry: Entry, spec: GroupSpec, troubles: Troubles, *, in_place: bool = False
    ) -> Operation:
        """Take the present run down and begin another; the group is Pending meanwhile."""
        before, group = entry.deployment, entry.group
        group.redeploy(spec, self._around.clock.now())
        operation = self._operation(group)
        entry.deployment = Deployment(group, self._around, operation, troubles, in_place=in_place)
        self._do(self._replace(before, entry.deployment, entry))
        return operation

    async def _replace(self, before: Deployment | None, after: Deployment, entry: Entry) -> None:
        try:
            if before is not None:
                await before.end()
        except Exception:  # noqa: BLE001 - shown to the client by its operation
            after.give_up()
            return
        if entry.deployment is after and entry.deletion is None:
            after.begin()

    def patch(self, resource_group: str, name: str, tags: dict[str, str] | None) -> Group:
        """Replace a group's tags; None leaves them.

        Raises:
            ArmError: `ResourceNotFound`.
        """
        group = self.get(resource_group, name).group
        if tags is not None:
            group.retag(tags)
        return group

    async def delete(self, resource_group: str, name: str) -> None:
        """Remove a group and end its containers; returns once it is gone.

        Raises:
            ArmError: `ResourceNotFound`.
        """
        entry = self.get(resource_group, name)
        if entry.deletion is None:
            entry.deletion = asyncio.create_task(
                self._delete((resource_group.lower(), name), entry)
            )
        # A client that goes away does not undo its request.
        await asyncio.shield(entry.deletion)

    async def _delete(self, key: Key, entry: Entry) -> None:
        entry.group.provisioning = "Deleting"
        try:
            if entry.deployment is not None:
                await entry.deployment.end()
            await self._around.clock.sleep(self._around.delays.delete_s)
        except BaseException:
            # Not gone: the next DELETE tries again.
            entry.deletion, entry.group.provisioning = None, "Failed"
            raise
        self.drop(entry, key)

    def drop(self, entry: Entry, key: Key | None = None) -> None:
        """Forget a group."""
        group = entry.group
        key = key or (group.resource_group.lower(), group.name)
        if self._entries.get((key[0], key[1].lower())) is entry:
            del self._entries[key[0], key[1].lower()]
        if entry.deployment is not None:
            entry.deployment.operation.cancel()

    async def stop(self, resource_group: str, name: str) -> None:
        """End a group's containers and keep the group.

        Raises:
            ArmError: `ResourceNotFound`, `ContainerGroupTransitioning`.
        """
        entry = self._settled(resource_group, name)
        logs = entry.deployment.logs if entry.deployment else {}
        if entry.deployment is not None:
            await entry.deployment.end()
        for log in logs.values():
            log.stop()
        entry.group.stop(self._around.clock.now())

    def start(self, resource_group: str, name: str) -> Operation | None:
        """Run a stopped or ended group again; None when it runs already.

        Raises:
            ArmError: `ResourceNotFound`, `ContainerGroupTransitioning`.
        """
        entry = self._settled(resource_group, name)
        if not entry.group.stopped and not entry.group.finished:
            return None
        return self._redeploy(entry, entry.group.spec, NO_TROUBLES)

    def restart(self, resource_group: str, name: str) -> Operation:
        """Take a group's containers down and start them again in place, without a new pull.

        Raises:
            ArmError: `ResourceNotFound`, `ContainerGroupTransitioning`.
        """
        entry = self._settled(resource_group, name)
        return self._redeploy(entry, entry.group.spec, NO_TROUBLES, in_place=True)

    def _settled(self, resource_group: str, name: str) -> Entry:
        entry = self.get(resource_group, name)
        if entry.group.transitioning:
            raise errors.transitioning(name)
        return entry

    def read_log(
        self, resource_group: str, name: str, container: str, *, tail: int | None, timestamps: bool
    ) -> str:
        """Return what is kept of a container's output.

        Raises:
            ArmError: `ResourceNotFound`, `ContainerNotFound`, `ContainerGroupDeploymentNotReady`,
                `ContainerLogNotAvailable`.
        """
        entry = self.get(resource_group, name)
        group = entry.group
        if not any(known.spec.name == container for known in group.every_container):
            raise errors.container_not_found(container, name)
        if entry.deployment is None or group.provisioning == "Pending":
            raise errors.deployment_not_ready(name)
        log = entry.deployment.logs.get(container)
        if log is None:
            raise errors.log_not_available(container, name)
        return log.read(tail=tail, timestamps=timestamps)

    async def platform_restart(self, entry: Entry, exit_code: int) -> None:
        """End a group's running containers as platform maintenance does."""
        if entry.deployment is not None:
            await entry.deployment.kill_containers(exit_code)

    async def take_and_return(self, entry: Entry) -> None:
        """Take a group away (eviction, repair) and bring it back after the repair time."""
        before, group = entry.deployment, entry.group
        if entry.deletion is not None or before is None or group.stopped or group.finished:
            return
        entry.group.taken_by_platform(self._around.clock.now())
        await before.end()
        await self._around.clock.sleep(self._around.delays.repair_s)
        if entry.deployment is before and entry.deletion is None:
            # Whoever waits for the interrupted deployment waits for this one.
            waited_for = before.operation.status == "Pending"
            operation = before.operation if waited_for else self._operation(group)
            entry.deployment = Deployment(group, self._around, operation, NO_TROUBLES)
            entry.deployment.begin()

    async def vanish(self, entry: Entry) -> None:
        """Remove a group that nobody deleted."""
        self.drop(entry)
        if entry.deployment is not None:
            await entry.deployment.end()

    def cores_in_use(self, location: str, *, spot: bool) -> float:
        """Return the cores of the groups of a location and priority; an ended one holds none."""
        return sum(
            group.spec.cores
            for group in self
            if group.spec.location == location
            and group.spec.spot == spot
            and not group.finished
            and not group.stopped
        )

    def _do(self, chore: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def close(self) -> None:
        """End everything."""
        entries = list(self._entries.values())
        self._entries.clear()
        for chore in list(self._chores):
            with suppress(asyncio.CancelledError):
                await chore
        await asyncio.gather(
            *(entry.deployment.end() for entry in entries if entry.deployment is not None),
            return_exceptions=True,
        )


def _operation_events(group: Group) -> list[dict[str, object]]:
    """Return what an operation shows: the group's own events, then its containers'."""
    shown: list[dict[str, object]] = event_views(group.events)
    for container in group.every_container:
        shown += event_views(container.events)
    return shown
