"""One run of a container group: drives the runtime, and tells the group's state what happened."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aci_emulator import errors as arm
from aci_emulator.groups import errors
from aci_emulator.groups.container_runs import Around, ContainerRuns
from aci_emulator.groups.images import registry_of
from aci_emulator.runtimes.contract import GroupLaunch, RuntimeRefusalError

if TYPE_CHECKING:
    from aci_emulator.groups.container import Container
    from aci_emulator.groups.log_buffer import LogBuffer
    from aci_emulator.groups.state import Group
    from aci_emulator.operations import Operation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """What is to go wrong with a deployment.

    Attributes:
        capacity: The region turns out to have no room after the request was accepted.
        stuck: Nothing ever starts.
        unstartable: Images are pulled, starts are tried, and no container ever runs.
    """

    capacity: bool = False
    stuck: bool = False
    unstartable: bool = False


class Deployment:
    """One run of a group, from PUT, start or restart until its containers ended or it is taken down.

    Args:
        group: The state to keep up to date.
        around: Runtime, clock and delays.
        operation: Ended when the containers have started, or cannot.
        troubles: What is to go wrong.
        in_place: Whether the images are there already, as after a restart.
    """

    def __init__(
        self,
        group: Group,
        around: Around,
        operation: Operation,
        troubles: Troubles,
        *,
        in_place: bool = False,
    ) -> None:
        self._key = f"{group.name.lower()}-{uuid.uuid4().hex[:8]}"
        self._group = group
        self._around = around
        self.operation = operation
        self._troubles = troubles
        self._in_place = in_place
        self._runs = ContainerRuns(self._key, group, around, self._count_start)
        self._unstarted = set(group.containers)
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    @property
    def logs(self) -> dict[str, LogBuffer]:
        """What is kept of the output of the containers that have started."""
        return self._runs.logs

    def begin(self) -> None:
        """Go to work in the background, unless it was ended before it began."""
        if self._ending:
            return
        self._tasks = [
            asyncio.create_task(self._run(), name=f"deployment {self._key}"),
            asyncio.create_task(self._watch_provisioning(), name=f"provisioning {self._key}"),
        ]

    async def end(self) -> None:
        """Stop working, end every container and remove what the runtime holds of the group."""
        # SIGTERM goes out while the tasks still listen, so that a container's last words are kept.
        self._ending = True
        await self._runs.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._around.runtime.remove_group(self._key)

    async def kill_containers(self, exit_code: int) -> None:
        """End what runs as the platform does in maintenance; it starts again whatever the policy."""
        await self._runs.kill(exit_code)

    async def _watch_provisioning(self) -> None:
        timeout_s = self._group.provisioning_timeout_s
        await self._around.clock.sleep(timeout_s)
        if not self.operation.is_over:
            refusal = errors.provisioning_timed_out(self._group.name, timeout_s / 60)
            self._fail(refusal.detail())

    async def _run(self) -> None:
        try:
            await self._deploy()
        except RuntimeRefusalError as refusal:
            self._fail({"code": refusal.code, "message": str(refusal)})
        except Exception:  # noqa: BLE001 - a deployment's failure is shown to its client
            self.give_up()

    def give_up(self) -> None:
        """Show the deployment as failed by the exception being handled, which goes to the log."""
        activity_id = str(uuid.uuid4())
        _log.exception("deployment of %s failed (%s)", self._group.name, activity_id)
        self._fail(arm.internal(activity_id).detail())

    async def _deploy(self) -> None:
        around, group = self._around, self._group
        if not self._in_place:
            await around.clock.sleep(around.delays.accept_s)
        if self._troubles.capacity:
            self._no_capacity()
            return
        if self._troubles.stuck:
            await asyncio.Event().wait()
        if not self._in_place:
            group.provisioning = "Creating"
        await around.runtime.prepare_group(self._launch_of_group())
        if self._troubles.unstartable:
            await self._try_in_vain()
            return
        for container in group.init_containers.values():
            if not await self._init_succeeds(container):
                return
        async with asyncio.TaskGroup() as tasks:
            for container in group.containers.values():
                tasks.create_task(self._live_or_fail(container))

    async def _try_in_vain(self) -> None:
        """Show what a group is left in whose containers could never be created (azure-cli#24159)."""
        for container in self._group.containers.values():
            await self._runs.pull(container)
            container.never_created(self._around.clock.now())
        self._fail(errors.deployment_failed(self._group.name).detail())

    async def _init_succeeds(self, container: Container) -> bool:
        """Take an init container through its runs; the group goes no further when it fails."""
        try:
            ended_well = await self._runs.live(container, pull=not self._in_place)
        except RuntimeRefusalError as refusal:
            self._refuse(container, refusal)
            return False
        if not ended_well:
            self._succeed()
        return ended_well

    def _launch_of_group(self) -> GroupLaunch:
        spec = self._group.spec
        return GroupLaunch(key=self._key, volumes=spec.volumes, credentials=spec.credentials)

    async def _live_or_fail(self, container: Container) -> None:
        """Take a container through its runs; what the runtime refuses it leaves the others alone."""
        try:
            await self._runs.live(container, pull=not self._in_place)
        except RuntimeRefusalError as refusal:
            self._refuse(container, refusal)

    def _count_start(self, container: Container) -> None:
        """Call the group provisioned when the last of its containers has started."""
        if container.spec.name in self._unstarted:
            self._unstarted.discard(container.spec.name)
            if not self._unstarted:
                self._succeed()

    def _succeed(self) -> None:
        self._group.provisioning = "Succeeded"
        self.operation.succeed()

    def _no_capacity(self) -> None:
        """Fail as seen live: the operation's error has only a message."""
        spec = self._group.spec
        refusal = errors.no_capacity(spec.location, spec.cores, spec.memory_gb, spec.os_type)
        now = self._around.clock.now()
        self._group.events.add("InsufficientCapacity.", refusal.message, now, warning=True)
        self._fail({"message": refusal.message})

    def _fail(self, error: dict[str, str]) -> None:
        self._group.provisioning = "Failed"
        self.operation.fail(error)

    def _refuse(self, container: Container, refusal: RuntimeRefusalError) -> None:
        """Fail the operation; why shows in the container's events too, as after a failed pull."""
        if refusal.code not in {"InaccessibleImage", "RegistryErrorResponse"}:
            now = self._around.clock.now()
            container.events.add("Failed", f"Error: {refusal}", now, warning=True)
        self._fail(self._translated(refusal, container))

    def _translated(self, refusal: RuntimeRefusalError, container: Container) -> dict[str, str]:
        """Return the error of the operation for what the runtime refused a container."""
        if refusal.code == "InaccessibleImage":
            return errors.inaccessible_image(container.spec.image, self._group.name).detail()
        if refusal.code == "RegistryErrorResponse":
            return errors.registry_error(registry_of(container.spec.image)).detail()
        return {"code": refusal.code, "message": str(refusal)}
