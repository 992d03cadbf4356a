"""Runs containers on an engine that answers the Docker API: Docker, or Podman."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import logging
import platform
import tarfile
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound

from aci_emulator.runtimes.contract import (
    ContainerLaunch,
    GroupLaunch,
    LogSink,
    Mount,
    RegistryCredential,
    RuntimeRefusalError,
    Volume,
)
from aci_emulator.runtimes.docker import launching, pause
from aci_emulator.runtimes.docker.container import DockerContainer
from aci_emulator.runtimes.docker.engine import Engine, EngineAddress, as_refusals
from aci_emulator.runtimes.docker.images import PullPolicy, make_available
from aci_emulator.runtimes.docker.network import gateway
from aci_emulator.runtimes.docker.sweep import remove_labelled
from aci_emulator.runtimes.launchable import check_launchable
from aci_emulator.runtimes.launches import Launches
from aci_emulator.runtimes.statelock import StateLock

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

OWNER_LABEL = "aci-emulator.owner"
GROUP_LABEL = "aci-emulator.group"
ROLE_LABEL = "aci-emulator.role"
CONTAINER_LABEL = "aci-emulator.container"


class DockerRuntime:
    """Runs each group as containers around one that holds its network and its volumes.

    The holder sleeps in a network namespace of its own, which the others join: they reach one another
    on localhost, as in ACI. All that is made carries this state folder's label and is found by it
    after a crash.

    Args:
        state_dir: The emulator's state folder; its path is the label's value.
        address: The engine.
        pull_policy: When registries are asked.

    Attributes:
        owner: The label's value for this state folder.
        gateway: This machine's address as containers see it; empty where the engine tells none.
    """

    name = "docker"

    def __init__(
        self, state_dir: Path, address: EngineAddress, *, pull_policy: PullPolicy = "missing"
    ) -> None:
        place = f"{platform.node()}:{state_dir.resolve()}"
        self.owner = hashlib.sha256(place.encode()).hexdigest()[:16]
        self.gateway = ""
        self._lock = StateLock(state_dir.resolve() / "docker.lock")
        self._engine = Engine(address)
        self._pull_policy: PullPolicy = pull_policy
        self._pause_image = ""
        self._preparing_pause = asyncio.Lock()
        self._holders: dict[str, str] = {}
        self._running: dict[str, set[DockerContainer]] = {}
        self._launches = Launches()
        self._limits = launching.Limits()

    async def open(self) -> None:
        """Connect, and remove what this state folder's earlier emulators left in the engine.

        Raises:
            RuntimeRefusalError: `Unsupported`: another emulator uses the folder right now.
        """
        self._lock.take()
        try:
            await self._engine.open()
            self.gateway = await self._engine.call(gateway, self._engine.api)
            await remove_labelled(self._engine, f"{OWNER_LABEL}={self.owner}", ROLE_LABEL)
        except BaseException:
            await self._engine.close()
            self._lock.release()
            raise

    async def close(self) -> None:
        """Remove all of this emulator but images from the engine, and end every thread."""
        await asyncio.gather(*(self.remove_group(key) for key in list(self._running)))
        if hasattr(self._engine, "api"):
            await remove_labelled(self._engine, f"{OWNER_LABEL}={self.owner}", ROLE_LABEL)
        await self._engine.close()
        self._lock.release()

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        """Return the digest (or id) of the image, which the engine now has.

        Raises:
            RuntimeRefusalError: `InaccessibleImage` or `RegistryErrorResponse`.
        """
        with as_refusals():
            return await self._engine.call_long(
                make_available, self._engine.api, image, credentials, self._pull_policy
            )

    async def prepare_group(self, group: GroupLaunch) -> None:
        """Create the group's volumes and start its holder.

        Raises:
            RuntimeRefusalError: `Unsupported`: the engine refused, in its own words.
        """
        self._running.setdefault(group.key, set())
        await self._launches.run(group.key, self._prepare(group))

    async def _prepare(self, group: GroupLaunch) -> None:
        with as_refusals():
            await self._ensure_pause_image()
            for volume in group.volumes:
                name = self._volume_name(group.key, volume.name)
                await self._engine.call(
                    self._engine.api.create_volume, name, labels=self._labels(group.key, "volume")
                )
            self._holders[group.key] = await self._engine.call(self._start_holder, group)

    async def start(self, launch: ContainerLaunch, sink: LogSink) -> DockerContainer:
        """Start a container.

        Raises:
            RuntimeRefusalError: `CommandNotFound`; `InaccessibleImage`: the image has gone meanwhile;
                `Unsupported`: the engine refused, in its own words.
        """
        return await self._launches.run(launch.group, self._start(launch, sink))

    async def _start(self, launch: ContainerLaunch, sink: LogSink) -> DockerContainer:
        holder = self._holders.get(launch.group)
        if holder is None:
            raise RuntimeRefusalError("Unsupported", f"group {launch.group} is not prepared")
        check_launchable(launch)
        with as_refusals():
            container_id, attached = await self._engine.call(
                launching.launch, self._engine.api, self._request(launch, holder), self._limits
            )
        container = DockerContainer(self._engine, container_id, attached, sink)
        if launch.group not in self._running:
            await container.stop(0)
            raise RuntimeRefusalError("Unsupported", f"group {launch.group} has been removed")
        self._running[launch.group].add(container)
        return container

    async def remove_group(self, key: str) -> None:
        """Remove every container and volume of the group from the engine."""
        containers = self._running.pop(key, set())
        await self._launches.settled(key)
        self._holders.pop(key, None)
        await asyncio.gather(*(container.stop(0) for container in containers))
        await asyncio.gather(*(container.removed() for container in containers))
        label = f"{GROUP_LABEL}={self.owner}.{key}"
        await remove_labelled(self._engine, label, ROLE_LABEL)

    def _labels(self, key: str, role: str) -> dict[str, str]:
        return {
            OWNER_LABEL: self.owner,
            GROUP_LABEL: f"{self.owner}.{key}",
            ROLE_LABEL: role,
        }

    def _volume_name(self, key: str, volume: str) -> str:
        return f"aci-{self.owner[:6]}-{key}-{volume}"

    def _request(self, launch: ContainerLaunch, holder: str) -> launching.Request:
        labels = self._labels(launch.group, "container") | {CONTAINER_LABEL: launch.name}
        return launching.Request(
            launch=launch,
            name=f"aci-{self.owner[:6]}-{launch.group}-{launch.name}-{launch.attempt}",
            labels=labels,
            holder=holder,
            binds=[self._bind(launch.group, mount) for mount in launch.mounts],
        )

    def _bind(self, key: str, mount: Mount) -> str:
        return launching.volume_bind(
            self._volume_name(key, mount.volume), mount.path, read_only=mount.read_only
        )

    async def _ensure_pause_image(self) -> None:
        async with self._preparing_pause:
            if not self._pause_image:
                self._pause_image = await self._engine.call(_load_pause_image, self._engine.api)

    def _start_holder(self, group: GroupLaunch) -> str:
        """Start the holder and fill the volumes through it; return its id."""
        mounts = {
            volume.name: f"{pause.VOLUMES}/{index}" for index, volume in enumerate(group.volumes)
        }
        api = self._engine.api
        holder = launching.start_holder(
            api,
            image=self._pause_image,
            name=f"aci-{self.owner[:6]}-{group.key}-holder",
            labels=self._labels(group.key, "holder"),
            binds=[
                launching.volume_bind(self._volume_name(group.key, name), path, read_only=False)
                for name, path in mounts.items()
            ],
        )
        for volume in group.volumes:
            api.put_archive(holder, mounts[volume.name], _content(volume))
        return holder


def _load_pause_image(api: Any) -> str:
    tag, root = pause.pause_image(str(api.info()["Architecture"]))
    image = f"{pause.REPOSITORY}:{tag}"
    try:
        api.inspect_image(image)
    except NotFound:
        entry_point = f'ENTRYPOINT ["{pause.PROGRAM}"]'
        api.import_image_from_data(
            root, repository=pause.REPOSITORY, tag=tag, changes=[entry_point]
        )
        with contextlib.suppress(APIError):
            # Podman names every import `latest`.
            api.tag(f"{pause.REPOSITORY}:latest", pause.REPOSITORY, tag)
            api.remove_image(f"{pause.REPOSITORY}:latest")
    return image


def _content(volume: Volume) -> bytes:
    """Return the archive that fills a volume; a volume without files becomes writable by all."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo(".")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777 if volume.kind == "emptyDir" else 0o755
        tar.addfile(folder)
        for name, data in volume.files.items():
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(data), 0o644
            tar.addfile(file, io.BytesIO(data))
    return buffer.getvalue()
