"""Runs containers as plain processes: quick, needing nothing installed, and isolating nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import resource
import shutil
from typing import TYPE_CHECKING

from aci_emulator.image_references import is_reference
from aci_emulator.runtimes.contract import (
    ContainerLaunch,
    GroupLaunch,
    LogSink,
    RegistryCredential,
    RuntimeRefusalError,
)
from aci_emulator.runtimes.launchable import check_launchable
from aci_emulator.runtimes.launches import Launches
from aci_emulator.runtimes.process.container import ProcessContainer
from aci_emulator.runtimes.process.leftovers import RECORD_SUFFIX, end_leftovers
from aci_emulator.runtimes.statelock import StateLock

if TYPE_CHECKING:
    from pathlib import Path

_WANTED_FILES = 8192
_STARTS_AT_ONCE = 8


class ProcessRuntime:
    """Runs each container's command as a process tree of this machine.

    What it keeps: own session, own fresh working folder, exactly the given environment (and a PATH
    when none is given), nothing on stdin, and the end of the whole tree with its main process. What it
    does not give: any isolation, limits, an image's files or entry point, volumes.

    Args:
        state_dir: Where working folders and records live; one emulator at a time.
    """

    name = "process"

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir.resolve() / "process"
        self._lock = StateLock(self._root.parent / "process.lock")
        self._starting = asyncio.Semaphore(_STARTS_AT_ONCE)
        self._running: dict[str, set[ProcessContainer]] = {}
        self._launches = Launches()

    async def open(self) -> None:
        """End what an earlier emulator of this state folder left, and be ready.

        Raises:
            RuntimeRefusalError: `Unsupported`: another emulator uses the folder right now.
        """
        self._lock.take()
        _allow_many_files()
        await asyncio.to_thread(end_leftovers, self._root)

    async def close(self) -> None:
        """End every process it started, and remove its folders."""
        await asyncio.gather(*(self.remove_group(key) for key in list(self._running)))
        self._lock.release()

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        """Return an identity of the reference: nothing is pulled, and no registry is asked.

        Raises:
            RuntimeRefusalError: `InaccessibleImage`: it is no image reference at all.
        """
        del credentials
        if not is_reference(image):
            raise RuntimeRefusalError("InaccessibleImage", f"invalid reference format: {image!r}")
        return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"

    async def prepare_group(self, group: GroupLaunch) -> None:
        """Make the folder for the containers' working folders."""
        self._folder(group.key).mkdir(parents=True, exist_ok=True)
        self._running.setdefault(group.key, set())

    async def start(self, launch: ContainerLaunch, sink: LogSink) -> ProcessContainer:
        """Start the container's command.

        Raises:
            RuntimeRefusalError: `CommandNotFound`: there is no such executable on this machine;
                `Unsupported`: it has no command, or wants a volume.
        """
        return await self._launches.run(launch.group, self._start(launch, sink))

    async def _start(self, launch: ContainerLaunch, sink: LogSink) -> ProcessContainer:
        argv = _command(launch)
        folder = self._folder(launch.group) / f"{launch.name}-{launch.attempt}"
        folder.mkdir(parents=True)
        spec = {
            "argv": argv,
            "environment": dict(launch.environment),
            "folder": str(folder),
            "record": f"{folder}{RECORD_SUFFIX}",
        }
        async with self._starting:
            container = ProcessContainer(spec, sink)
            await container.launch()
        if launch.group not in self._running:
            await container.stop(0)
            raise RuntimeRefusalError("Unsupported", f"group {launch.group} has been removed")
        self._running[launch.group].add(container)
        return container

    async def remove_group(self, key: str) -> None:
        """End every process of the group, and remove its folders."""
        containers = self._running.pop(key, set())
        await self._launches.settled(key)
        await asyncio.gather(*(container.stop(0) for container in containers))
        await asyncio.to_thread(shutil.rmtree, self._folder(key), ignore_errors=True)

    def _folder(self, key: str) -> Path:
        return self._root / key


def _command(launch: ContainerLaunch) -> list[str]:
    if launch.mounts:
        mount = launch.mounts[0]
        raise RuntimeRefusalError(
            "Unsupported",
            f"The process runtime cannot show container '{launch.name}' the volume "
            f"'{mount.volume}' at '{mount.path}': its processes have no file system of their own. "
            "Use the docker runtime, or leave the volume out.",
        )
    if not launch.command:
        raise RuntimeRefusalError(
            "Unsupported",
            f"The process runtime does not know the entry point of image '{launch.image}': give "
            f"container '{launch.name}' a command, or use the docker runtime.",
        )
    check_launchable(launch)
    return list(launch.command)


def _allow_many_files() -> None:
    """Allow two descriptors a container: the usual soft limit of 1,024 would end at 500."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
