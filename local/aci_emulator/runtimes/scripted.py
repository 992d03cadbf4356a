"""Runs nothing: containers follow scripts, in the emulator's own time, thousands of them at once."""

from __future__ import annotations

import asyncio
import hashlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aci_emulator.documents import DocumentError
from aci_emulator.runtimes.contract import (
    ContainerExit,
    ContainerLaunch,
    GroupLaunch,
    LogSink,
    RegistryCredential,
    RuntimeRefusalError,
)
from aci_emulator.scripts import COMMAND, Script, script_of

if TYPE_CHECKING:
    from datetime import datetime

    from aci_emulator.clock import Clock

_SIGTERM_EXIT = 143


class ScriptedRuntime:
    """A runtime without processes.

    Args:
        clock: The emulator's.
        scripts: The first that matches is followed; without a match, a run of one second.
    """

    name = "scripted"

    def __init__(self, clock: Clock, scripts: tuple[Script, ...] = ()) -> None:
        self._clock = clock
        self._scripts = list(scripts)
        self._running: dict[str, set[ScriptedContainer]] = {}
        self.started_total = 0

    def prepend(self, script: Script) -> None:
        """Let a script go before all others."""
        self._scripts.insert(0, script)

    async def open(self) -> None:
        """Be ready: there is nothing to connect to."""

    async def close(self) -> None:
        """End every container."""
        for key in list(self._running):
            await self.remove_group(key)

    @property
    def running_count(self) -> int:
        """How many containers run."""
        return sum(len(containers) for containers in self._running.values())

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        """Take as long as the script says and return a digest made from the reference.

        Raises:
            RuntimeRefusalError: as the script says.
        """
        del credentials
        script = next((s for s in self._scripts if fnmatchcase(image, s.image)), Script())
        await self._clock.sleep(script.pull_s)
        if script.refuse in ("InaccessibleImage", "RegistryErrorResponse"):
            raise RuntimeRefusalError(script.refuse, f"{image} refused by script")
        return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"

    async def prepare_group(self, group: GroupLaunch) -> None:
        """Note the group."""
        self._running.setdefault(group.key, set())

    async def start(self, launch: ContainerLaunch, sink: LogSink) -> ScriptedContainer:
        """Start following the container's script.

        Raises:
            RuntimeRefusalError: as the script says.
        """
        script = self._script_of(launch)
        if script.refuse in ("CommandNotFound", "Unsupported"):
            raise RuntimeRefusalError(script.refuse, f"{launch.image} refused by script")
        if launch.attempt < len(script.exit_codes):
            script = script.changed(exit_code=script.exit_codes[launch.attempt])
        if script.digest_of:
            script = script.changed(output=script.output + _digests(script.digest_of, launch))
        container = ScriptedContainer(script, self._clock, sink)
        siblings = self._running.setdefault(launch.group, set())
        siblings.add(container)
        container.ended.add_done_callback(lambda _: siblings.discard(container))
        self.started_total += 1
        return container

    def _script_of(self, launch: ContainerLaunch) -> Script:
        if launch.command and launch.command[0] == COMMAND:
            try:
                return script_of(launch.command)
            except DocumentError as problem:
                raise RuntimeRefusalError("CommandNotFound", f"script: {problem}") from problem
        for script in self._scripts:
            if fnmatchcase(launch.image, script.image) and fnmatchcase(
                launch.name, script.container
            ):
                return script
        return Script()

    async def remove_group(self, key: str) -> None:
        """End the group's containers."""
        for container in list(self._running.pop(key, ())):
            await container.stop(0)


def _digests(names: str, launch: ContainerLaunch) -> str:
    """Return a line for each such variable: a proof that the container has it, without showing it."""
    return "".join(
        f"{name} {hashlib.sha256(value.encode()).hexdigest()}\n"
        for name, value in sorted(launch.environment.items())
        if fnmatchcase(name, names)
    )


class ScriptedContainer:
    """One container following its script; `ended` is done when it has."""

    def __init__(self, script: Script, clock: Clock, sink: LogSink) -> None:
        self._script, self._clock, self._sink = script, clock, sink
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[ContainerExit] = loop.create_future()
        self._started_at = self._time()
        self._acting = loop.create_task(self._act())

    def _time(self) -> datetime:
        """Return the true time: the service adds its clock's skew itself."""
        return self._clock.true_now()

    @property
    def started_at(self) -> datetime:
        """When it started, aware UTC."""
        return self._started_at

    async def wait(self) -> ContainerExit:
        """Return how it ended."""
        return await asyncio.shield(self.ended)

    async def stop(self, grace_s: float) -> None:
        """End it at once: a script needs no grace."""
        del grace_s
        self._acting.cancel()
        self._end(_SIGTERM_EXIT, "")

    async def _act(self) -> None:
        script = self._script
        if script.output:
            self._sink(script.output.encode(), self._time())
        if script.run_s is None:
            await self._print(script.lines, 0.0)
            await asyncio.Event().wait()
        else:
            gap_s = script.run_s / script.lines if script.lines else script.run_s
            await self._print(script.lines, gap_s)
            if not script.lines:
                await self._clock.sleep(script.run_s)
        self._end(script.exit_code, script.detail)

    async def _print(self, lines: int, gap_s: float) -> None:
        for number in range(1, lines + 1):
            self._sink(b"line %d\n" % number, self._time())
            await self._clock.sleep(gap_s)

    def _end(self, exit_code: int, detail: str) -> None:
        if not self.ended.done():
            ended = ContainerExit(exit_code=exit_code, finished_at=self._time(), detail=detail)
            self.ended.set_result(ended)
