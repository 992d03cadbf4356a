"""The changes clients, and the platform, make to container groups."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aci_emulator.groups import errors
from aci_emulator.groups.deployment import Deployment, Troubles
from aci_emulator.groups.quota import Quota
from aci_emulator.groups.state import Group
from aci_emulator.groups.table import Entry, GroupTable
from aci_emulator.groups.updates import check_update
from aci_emulator.groups.views import event_views
from aci_emulator.operations import Look, Operation, Operations

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aci_emulator.groups.container_runs import Around
    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.settings import Limits

NO_TROUBLES = Troubles()


class ContainerGroups(GroupTable):
    """The container groups of the subscription, and what may be done to them."""

    def __init__(self, around: Around, operations: Operations, limits: Limits) -> None:
        super().__init__(limits.page_size)
        self._around = around
        self._operations = operations
        self.quota = Quota(self, limits)
        self._chores: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()

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
        spec = replace(spec, name=entry.group.name)
        check_update(entry.group, spec)
        if entry.group.spec == spec and not entry.group.finished and not entry.group.stopped:
            # Nothing to change: the running containers are left alone.
            operation = self._operation(entry.group)
            operation.succeed()
            return entry.group, operation, False
        self._check_cores_of_idle(entry.group)
        return entry.group, self._redeploy(entry, spec, self._operation(entry.group)), False

    def _create(
        self, resource_group: str, spec: GroupSpec, troubles: Troubles
    ) -> tuple[Group, Operation, bool]:
        self.quota.check(spec)
        now = self._around.clock.now()
        group = Group(
            spec,
            resource_group=resource_group,
            created_at=now,
            provisioning_timeout_s=self._around.provisioning_timeout_s,
        )
        entry = Entry(group=group)
        self.add(entry)
        return group, self._deploy(entry, troubles), True

    def _operation(self, group: Group) -> Operation:
        return self._operations.add(
            Operation(
                group=group.name,
                resource_group=group.resource_group,
                location=group.spec.location,
                started_at=self._around.clock.now(),
                look=lambda: _look(group),
            )
        )

    def _deploy(self, entry: Entry, troubles: Troubles) -> Operation:
        operation = self._operation(entry.group)
        entry.deployment = Deployment(entry.group, self._around, operation, troubles)
        entry.deployment.begin()
        return operation

    def _check_cores_of_idle(self, group: Group) -> None:
        """Accept that a group runs which holds no cores now."""
        if group.stopped or group.finished:
            self.quota.check_cores(group.spec)

    def _redeploy(
        self, entry: Entry, spec: GroupSpec, operation: Operation, *, in_place: bool = False
    ) -> Operation:
        """Take the present run down and begin another; the group is Pending or Updating meanwhile."""
        before, group = entry.deployment, entry.group
        group.redeploy(spec, self._around.clock.now(), in_place=in_place)
        after = Deployment(group, self._around, operation, NO_TROUBLES, in_place=in_place)
        entry.deployment = after
        self._do(self._replace(before, after, entry), among=self._chores)
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

    async def delete(self, entry: Entry) -> None:
        """Remove a group and end its containers; returns once it is gone."""
        if entry.deletion is None:
            entry.deletion = asyncio.create_task(self._delete(entry))
        # A client that goes away does not undo its request.
        await asyncio.shield(entry.deletion)

    async def _delete(self, entry: Entry) -> None:
        entry.group.provisioning = "Deleting"
        try:
            if entry.deployment is not None:
                await entry.deployment.end()
            entry.group.record.ended(self._around.clock.now())
            await self._around.clock.sleep(self._around.delays.delete_s)
        except BaseException:
            # Not gone: the next DELETE tries again.
            entry.deletion, entry.group.provisioning = None, "Failed"
            raise
        if self._around.delays.gone_s:
            self._do(self._drop_later(entry), among=self._waiting)
        else:
            self.drop(entry)

    async def _drop_later(self, entry: Entry) -> None:
        """Go on showing a deleted group for a while, as Azure was seen to do."""
        await self._around.clock.sleep(self._around.delays.gone_s)
        self.drop(entry)

    def drop(self, entry: Entry) -> None:
        """Let a group be gone; whoever waits for its deployment learns so."""
        self.remove(entry, self._around.clock.now())
        if entry.deployment is not None:
            entry.deployment.operation.cancel()

    async def stop(self, entry: Entry) -> None:
        """End a group's containers and keep the group.

        Raises:
            ArmError: `ContainerGroupTransitioning`.
        """
        _check_settled(entry)
        logs = entry.deployment.logs if entry.deployment else {}
        if entry.deployment is not None:
            await entry.deployment.end()
        for log in logs.values():
            log.stop()
        entry.group.stop(self._around.clock.now())

    def start(self, entry: Entry) -> Operation | None:
        """Run a stopped or ended group again; None when it runs already.

        Raises:
            ArmError: `ContainerGroupTransitioning`, `ContainerGroupQuotaReached`.
        """
        _check_settled(entry)
        group = entry.group
        if not group.stopped and not group.finished:
            return None
        self._check_cores_of_idle(group)
        return self._redeploy(entry, group.spec, self._operation(group))

    def restart(self, entry: Entry) -> Operation:
        """Take a group's containers down and start them again in place, without a new pull.

        The group is Updating, and shows the old run until it is taken down; a second restart is the
        first one. Source: recorded Restart-AzContainerGroup.

        Raises:
            ArmError: `ContainerGroupTransitioning`, `ContainerGroupStopped`.
        """
        group = entry.group
        if group.stopped:
            raise errors.is_stopped(group.name, group.resource_group)
        if group.provisioning == "Updating" and entry.restart is not None:
            return entry.restart
        _check_settled(entry)
        group.provisioning = "Updating"
        entry.restart = self._operation(group)
        self._do(self._restart(entry, entry.restart), among=self._waiting)
        return entry.restart

    async def _restart(self, entry: Entry, operation: Operation) -> None:
        await self._around.clock.sleep(self._around.delays.accept_s)
        if self.holds(entry) and entry.group.provisioning == "Updating":
            self._redeploy(entry, entry.group.spec, operation, in_place=True)
        else:
            operation.cancel()

    def read_log(self, entry: Entry, container: str, *, tail: int | None, timestamps: bool) -> str:
        """Return what is kept of a container's output.

        Raises:
            ArmError: `ContainerNotFound`, `ContainerGroupDeploymentNotReady`,
                `ContainerLogNotAvailable`.
        """
        group = entry.group
        if not any(known.spec.name == container for known in group.every_container):
            raise errors.container_not_found(container, group.name)
        if entry.deployment is None or group.provisioning == "Pending":
            raise errors.deployment_not_ready(group.name)
        log = entry.deployment.logs.get(container)
        if log is None:
            raise errors.log_not_available(container, group.name)
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
            ended = before.operation.is_over
            operation = self._operation(group) if ended else before.operation
            entry.deployment = Deployment(group, self._around, operation, NO_TROUBLES)
            entry.deployment.begin()

    async def vanish(self, entry: Entry) -> None:
        """Remove a group that nobody deleted."""
        self.drop(entry)
        if entry.deployment is not None:
            await entry.deployment.end()

    def _do(self, chore: Coroutine[None, None, None], *, among: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(chore)
        among.add(task)
        task.add_done_callback(among.discard)

    async def close(self) -> None:
        """End everything."""
        entries = self.clear()
        for waiting in list(self._waiting):
            waiting.cancel()
        for chore in [*self._waiting, *self._chores]:
            with suppress(asyncio.CancelledError):
                await chore
        await asyncio.gather(
            *(entry.deployment.end() for entry in entries if entry.deployment is not None),
            return_exceptions=True,
        )


def _check_settled(entry: Entry) -> None:
    if entry.group.transitioning:
        raise errors.transitioning(entry.group.name)


def _look(group: Group) -> Look:
    """Return what an operation shows: events are the group's own, then its containers'."""
    shown: list[dict[str, Any]] = event_views(group.events)
    for container in group.every_container:
        shown += event_views(container.events)
    return Look(provisioning=group.provisioning, events=shown)
