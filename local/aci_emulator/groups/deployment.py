"""One run of a container group: drives the runtime, and tells the group's state what happened."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aci_emulator import errors as arm
from aci_emulator.groups import errors
from aci_emulator.groups.images import registry_of
from aci_emulator.groups.log_buffer import LogBuffer
from aci_emulator.groups.state import Container, Group, restarts
from aci_emulator.runtimes.contract import (
    ContainerLaunch,
    GroupLaunch,
    RunningContainer,
    Runtime,
    RuntimeRefusalError,
)

if TYPE_CHECKING:
    from aci_emulator.clock import Clock
    from aci_emulator.groups.spec import ContainerSpec
    from aci_emulator.operations.state import Operation
    from aci_emulator.settings import Delays

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """What is to go wrong with a deployment.

    Attributes:
        capacity: The region turns out to have no room after the request was accepted.
        stuck: Nothing ever starts.
    """

    capacity: bool = False
    stuck: bool = False


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a deployment works with.

    Attributes:
        runtime: What runs containers.
        clock: The time.
        delays: How long things take.
        provisioning_timeout_s: After this a group that has not started is Failed, though its attempts
            go on.
    """

    runtime: Runtime
    clock: Clock
    delays: Delays
    provisioning_timeout_s: float


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
        self.key = f"{group.name}-{uuid.uuid4().hex[:8]}"
        self.logs: dict[str, LogBuffer] = {}
        self._group = group
        self._around = around
        self.operation = operation
        self._troubles = troubles
        self._in_place = in_place
        self._running: dict[str, RunningContainer] = {}
        self._forced: dict[str, int] = {}
        self._pulls: dict[str, asyncio.Task[str]] = {}
        self._unstarted = set(group.containers)
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    def begin(self) -> None:
        """Go to work in the background, unless it was ended before it began."""
        if self._ending:
            return
        self._tasks = [
            asyncio.create_task(self._run(), name=f"deployment {self.key}"),
            asyncio.create_task(self._watch_provisioning(), name=f"provisioning {self.key}"),
        ]

    async def end(self) -> None:
        """Stop working, end every container and remove what the runtime holds of the group."""
        # SIGTERM goes out while the tasks still listen, so that a container's last words are kept.
        self._ending = True
        grace_s = self._around.delays.stop_grace_s
        await asyncio.gather(
            *(running.stop(grace_s) for running in self._running.values()), return_exceptions=True
        )
        under_way = (*self._tasks, *self._pulls.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._around.runtime.remove_group(self.key)

    async def kill_containers(self, exit_code: int) -> None:
        """End what runs as the platform does in maintenance; it starts again whatever the policy."""
        for name, running in list(self._running.items()):
            self._forced[name] = exit_code
            await running.stop(0)

    async def _watch_provisioning(self) -> None:
        await self._around.clock.sleep(self._around.provisioning_timeout_s)
        if self.operation.status == "Pending":
            minutes = self._around.provisioning_timeout_s / 60
            self._fail(errors.provisioning_timed_out(self._group.name, minutes))

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
        await around.clock.sleep(around.delays.accept_s)
        if self._troubles.capacity:
            self._no_capacity()
            return
        if self._troubles.stuck:
            await asyncio.Event().wait()
        group.provisioning = "Creating"
        await around.runtime.prepare_group(self._launch_of_group())
        for container in group.init_containers.values():
            if not await self._init_succeeds(container):
                return
        async with asyncio.TaskGroup() as tasks:
            for container in group.containers.values():
                tasks.create_task(self._live_or_fail(container))

    async def _init_succeeds(self, container: Container) -> bool:
        """Take an init container through its runs; the group goes no further when it fails."""
        try:
            ended_well = await self._live(container)
        except RuntimeRefusalError as refusal:
            self._refuse(container, refusal)
            return False
        if not ended_well:
            self._succeed()
        return ended_well

    def _launch_of_group(self) -> GroupLaunch:
        spec = self._group.spec
        return GroupLaunch(key=self.key, volumes=spec.volumes, credentials=spec.credentials)

    async def _live_or_fail(self, container: Container) -> None:
        """Take a container through its runs; what the runtime refuses it leaves the others alone."""
        try:
            await self._live(container)
        except RuntimeRefusalError as refusal:
            self._refuse(container, refusal)

    async def _live(self, container: Container) -> bool:
        """Take a container through all its runs; return whether the last one ended well."""
        if not self._in_place:
            await self._pull(container)
        while True:
            exit_code, forced = await self._run_once(container)
            if not forced and not self._starts_again(container, exit_code):
                break
            if forced:
                await self._around.clock.sleep(self._around.delays.repair_s)
            else:
                await self._back_off(container)
            container.restarting()
        container.final = True
        if container.spec.name in self.logs:
            self.logs[container.spec.name].stop()
        self._mark_end()
        return exit_code == 0

    def _starts_again(self, container: Container, exit_code: int) -> bool:
        policy = self._group.spec.restart_policy
        if container.init and exit_code == 0:
            return False
        return restarts(policy, exit_code)

    async def _pull(self, container: Container) -> None:
        clock, image = self._around.clock, container.spec.image
        container.pulling(clock.now())
        if image not in self._pulls:
            self._pulls[image] = asyncio.create_task(self._pull_image(image))
        try:
            digest = await asyncio.shield(self._pulls[image])
        except RuntimeRefusalError as refusal:
            container.pull_failed(str(refusal), clock.now())
            raise
        container.pulled(digest, clock.now())

    async def _pull_image(self, image: str) -> str:
        """Pull once for all containers of the group; never faster than the profile says."""
        pulling = self._around.runtime.pull(image, self._group.spec.credentials)
        digest, _ = await asyncio.gather(
            pulling, self._around.clock.sleep(self._around.delays.pull_s)
        )
        return digest

    async def _run_once(self, container: Container) -> tuple[int, bool]:
        """Run a container once; return its exit code and whether the platform ended it."""
        clock, delays, name = self._around.clock, self._around.delays, container.spec.name
        await clock.sleep(delays.start_s)
        log = self.logs[name] = LogBuffer()
        try:
            running = await self._around.runtime.start(
                self._launch_of(container), lambda chunk, at: log.write(chunk, self._shown(at))
            )
        except RuntimeRefusalError as refusal:
            if refusal.code != "CommandNotFound":
                raise
            container.start_failed(str(refusal), clock.now())
            self._count_start(container)
            return 127, False
        self._running[name] = running
        container.started(self._shown(running.started_at))
        self._count_start(container)
        ended = await running.wait()
        self._running.pop(name, None)
        if self._ending:  # whoever takes the group down says what is shown of it
            await asyncio.Event().wait()
        forced = self._forced.pop(name, None)
        await clock.sleep(delays.lag_s)
        exit_code = ended.exit_code if forced is None else forced
        container.exited(exit_code, self._shown(ended.finished_at), ended.detail)
        return exit_code, forced is not None

    def _shown(self, at: datetime) -> datetime:
        """Return a time of the runtime as the service's (perhaps wrong) clock shows it."""
        return at + timedelta(seconds=self._around.clock.skew_s)

    async def _back_off(self, container: Container) -> None:
        """Wait as a kubelet does: the first restart comes at once, then 1, 2, 4… times the delay."""
        delays = self._around.delays
        if container.restart_count == 0:
            return
        container.backing_off(self._around.clock.now())
        doublings = min(container.restart_count - 1, 16)
        delay_s = min(delays.backoff_s * 2**doublings, delays.backoff_limit_s)
        await self._around.clock.sleep(delay_s)

    def _launch_of(self, container: Container) -> ContainerLaunch:
        spec: ContainerSpec = container.spec
        return ContainerLaunch(
            group=self.key,
            name=spec.name,
            image=spec.image,
            command=spec.command,
            environment={variable.name: variable.value for variable in spec.environment},
            cpu=spec.cpu or self._group.spec.cores,
            memory_gb=spec.memory_gb or self._group.spec.memory_gb,
            mounts=spec.mounts,
            attempt=container.restart_count,
        )

    def _count_start(self, container: Container) -> None:
        """Call the group provisioned when the last of its containers has started."""
        if container.spec.name in self._unstarted:
            self._unstarted.discard(container.spec.name)
            if not self._unstarted:
                self._succeed()

    def _succeed(self) -> None:
        self._group.provisioning = "Succeeded"
        self.operation.succeed()

    def _mark_end(self) -> None:
        if self._group.finished:
            self._group.ended_at = self._around.clock.now()

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
        """The operation fails; why shows in the container's events too, as after a failed pull."""
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
