"""The runs of one deployment's containers: pull, start, end, and start again by the policy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aci_emulator.groups.container import Container, restarts
from aci_emulator.groups.log_buffer import LogBuffer
from aci_emulator.runtimes.contract import (
    ContainerLaunch,
    RunningContainer,
    Runtime,
    RuntimeRefusalError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.clock import Clock
    from aci_emulator.groups.spec import ContainerSpec
    from aci_emulator.groups.state import Group
    from aci_emulator.settings import Delays

_FREE_RESTARTS = 2  # recorded: three starts 6 s apart before the first BackOff


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a deployment works with.

    Attributes:
        runtime: What runs containers.
        clock: The time.
        delays: How long things take.
        provisioning_timeout_s: After this a group that has not started is Failed, though its attempts
            go on; a request may say otherwise.
    """

    runtime: Runtime
    clock: Clock
    delays: Delays
    provisioning_timeout_s: float


class ContainerRuns:
    """Takes containers through all their runs.

    Args:
        key: The deployment's, for the runtime.
        group: Whose containers they are.
        around: Runtime, clock and delays.
        started: Told of every start.
    """

    def __init__(
        self, key: str, group: Group, around: Around, started: Callable[[Container], None]
    ) -> None:
        self.logs: dict[str, LogBuffer] = {}
        self._key = key
        self._group = group
        self._around = around
        self._started = started
        self._running: dict[str, RunningContainer] = {}
        self._forced: dict[str, int] = {}
        self._pulls: dict[str, asyncio.Task[str]] = {}
        self._ending = False

    async def stop(self) -> None:
        """Give every running container SIGTERM and its grace; pulls under way are given up."""
        self._ending = True
        grace_s = self._around.delays.stop_grace_s
        await asyncio.gather(
            *(running.stop(grace_s) for running in self._running.values()), return_exceptions=True
        )
        for pull in self._pulls.values():
            pull.cancel()
        await asyncio.gather(*self._pulls.values(), return_exceptions=True)

    async def kill(self, exit_code: int) -> None:
        """End what runs as the platform does in maintenance; it starts again whatever the policy."""
        for name, running in list(self._running.items()):
            self._forced[name] = exit_code
            await running.stop(0)

    async def live(self, container: Container, *, pull: bool) -> bool:
        """Take a container through all its runs; return whether the last one ended well.

        Raises:
            RuntimeRefusalError: the runtime cannot pull or start it.
        """
        if pull:
            await self.pull(container)
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
        if self._group.finished:
            self._group.ended_at = self._around.clock.now()
        return exit_code == 0

    def _starts_again(self, container: Container, exit_code: int) -> bool:
        policy = self._group.spec.restart_policy
        if container.init and exit_code == 0:
            return False
        return restarts(policy, exit_code)

    async def pull(self, container: Container) -> None:
        """Make a container's image available, and show so.

        Raises:
            RuntimeRefusalError: the registry has no such image, or does not answer.
        """
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
            self._started(container)
            return 127, False
        self._running[name] = running
        container.started(self._shown(running.started_at))
        self._started(container)
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
        """Wait as a kubelet does: two restarts come at once, then 1, 2, 4… times the delay."""
        delays = self._around.delays
        if container.restart_count < _FREE_RESTARTS:
            return
        container.backing_off(self._around.clock.now())
        doublings = min(container.restart_count - _FREE_RESTARTS, 16)
        delay_s = min(delays.backoff_s * 2**doublings, delays.backoff_limit_s)
        await self._around.clock.sleep(delay_s)

    def _launch_of(self, container: Container) -> ContainerLaunch:
        spec: ContainerSpec = container.spec
        return ContainerLaunch(
            group=self._key,
            name=spec.name,
            image=spec.image,
            command=spec.command,
            environment={variable.name: variable.value for variable in spec.environment},
            cpu=spec.cpu or self._group.spec.cores,
            memory_gb=spec.memory_gb or self._group.spec.memory_gb,
            mounts=spec.mounts,
            attempt=container.restart_count,
        )
