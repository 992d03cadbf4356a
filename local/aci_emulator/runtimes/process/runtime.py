"""Runs containers as plain processes: quick, needing nothing installed, and isolating nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import resource
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

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

_GIB = 1 << 30
_WANTED_FILES = 8192
_STARTS_AT_ONCE = 8
_WARDEN_ENDS_WITHIN_S = 15.0
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    "from aci_emulator.runtimes.process.warden import main; main()"
)
# The grammar of image references, as published with the distribution specification.
_REFERENCE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
    r"(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?"
)


class ProcessRuntime:
    """Runs each container's command as a process tree of this machine.

    What it keeps: own session, own fresh working folder, exactly the given environment (and a PATH
    when none is given), nothing on stdin, limits where the system allows them, and the end of the
    whole tree with its main process. What it does not give: any isolation, an image's files or
    entry point, volumes.

    Args:
        state_dir: Where working folders and records live; one emulator at a time.
    """

    name = "process"

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir.resolve() / "process"
        self._lock = StateLock(self._root.parent / "process.lock")
        self._warden: _WardenLink | None = None
        self._starting = asyncio.Semaphore(_STARTS_AT_ONCE)
        self._running: dict[str, set[ProcessContainer]] = {}
        self._launches = Launches()

    async def open(self) -> None:
        """Nothing an earlier emulator of this state folder started is left, and containers can run.

        Raises:
            RuntimeRefusalError: `Unsupported`: another emulator uses the folder right now.
        """
        self._lock.take()
        _allow_many_files()
        await asyncio.to_thread(end_leftovers, self._root)

    async def close(self) -> None:
        """Every process it started has ended, and its folders are gone."""
        await asyncio.gather(*(self.remove_group(key) for key in list(self._running)))
        if self._warden is not None:
            await asyncio.to_thread(self._warden.close)
            self._warden = None
        self._lock.release()

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        """Return an identity of the reference: nothing is pulled, and no registry is asked.

        Raises:
            RuntimeRefusalError: `InaccessibleImage`: it is no image reference at all.
        """
        del credentials
        if not _REFERENCE.fullmatch(image):
            raise RuntimeRefusalError("InaccessibleImage", f"invalid reference format: {image!r}")
        return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"

    async def prepare_group(self, group: GroupLaunch) -> None:
        """The group has a folder for its containers' working folders."""
        self._folder(group.key).mkdir(parents=True, exist_ok=True)
        self._running.setdefault(group.key, set())

    async def start(self, launch: ContainerLaunch, sink: LogSink) -> ProcessContainer:
        """The container's command runs.

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
            # Unlike the folder, it is the machine's: another emulator's group may have the same name.
            "cgroup": f"aci-{secrets.token_hex(8)}",
            "cpu": launch.cpu,
            "memory_bytes": int(launch.memory_gb * _GIB),
        }
        async with self._starting:
            container = self._request_supervisor(sink)
            await container.launch(spec)
        if launch.group not in self._running:
            await container.stop(0)
            raise RuntimeRefusalError("Unsupported", f"group {launch.group} has been removed")
        self._running[launch.group].add(container)
        return container

    async def remove_group(self, key: str) -> None:
        """No process and no folder of the group is left."""
        containers = self._running.pop(key, set())
        await self._launches.settled(key)
        await asyncio.gather(*(container.stop(0) for container in containers))
        await asyncio.to_thread(shutil.rmtree, self._folder(key), ignore_errors=True)

    def _folder(self, key: str) -> Path:
        return self._root / key

    def _request_supervisor(self, sink: LogSink) -> ProcessContainer:
        if self._warden is not None and not self._warden.alive():
            # Somebody killed it. Its supervisors speak to us directly and go on.
            self._warden.close()
            self._warden = None
        self._warden = self._warden or _WardenLink()
        ours, theirs = socket.socketpair()
        output, output_write = os.pipe()
        try:
            self._warden.send([theirs.fileno(), output_write])
        except OSError:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(output_write)
        ours.settimeout(0)
        return ProcessContainer(ours, output, sink)


class _WardenLink:
    """The warden process and our end of its socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        local = Path(__file__).resolve().parents[3]
        with theirs:
            # No site packages and no environment: the warden and its forks stay small and quick.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(local), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={},
            )

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, fds: list[int]) -> None:
        socket.send_fds(self._socket, [b"+"], fds)

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_WARDEN_ENDS_WITHIN_S)
            return
        self._process.kill()
        self._process.wait()


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
    """Each container costs two descriptors; the usual soft limit of 1,024 would end at 500."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
