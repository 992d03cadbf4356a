"""The seam between the emulated service and whatever really runs a container.

The service (state machine, restart policy, events, logs and their limits) never runs anything itself; a
runtime never knows what a container group's state is. A runtime pulls images, prepares a group's shared
resources, starts one container at a time, tells when it ended, and removes everything of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


class RuntimeRefusalError(Exception):
    """The runtime cannot do this, in terms the service translates to Azure's codes.

    Attributes:
        code: `InaccessibleImage` (no such image, or no right to it), `RegistryErrorResponse` (the
            registry did not answer), `CommandNotFound` (the executable does not exist; the message is
            what the container's event shows), `Unsupported` (a feature this runtime lacks).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class RegistryCredential:
    """Credentials for one registry server; `password` is None for an identity."""

    server: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """One volume of a group.

    Attributes:
        name: Its name, unique in the group.
        kind: `emptyDir`, shared by the group's containers and empty at first; `secret`, read-only
            files.
        files: For `secret`: file name to content, already base64-decoded.
    """

    name: str
    kind: Literal["emptyDir", "secret"]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """Where a container sees a volume of its group (an absolute path in the container)."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class GroupLaunch:
    """What the containers of one group share.

    Attributes:
        key: Unique and stable for this incarnation of the group; letters, digits and hyphens only.
        volumes: The group's volumes.
        credentials: Registry credentials for its images.
    """

    key: str
    volumes: tuple[Volume, ...] = ()
    credentials: tuple[RegistryCredential, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ContainerLaunch:
    """One start of one container.

    Attributes:
        group: The group's `GroupLaunch.key`.
        name: The container's name, unique in the group (init containers included).
        image: The image reference as given in the request.
        command: The exec form, or None for the image's own entry point.
        environment: All variables, secure ones too: the container inherits nothing else.
        cpu: Cores, may be fractional; a limit.
        memory_gb: GiB; a limit.
        mounts: Volumes it sees.
        attempt: 0 for the first start, then the restart count.
    """

    group: str
    name: str
    image: str
    command: tuple[str, ...] | None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    cpu: float = 1.0
    memory_gb: float = 1.5
    mounts: tuple[Mount, ...] = ()
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class ContainerExit:
    """How one start of a container ended.

    Attributes:
        exit_code: The process's exit code (128 + signal when a signal ended it).
        finished_at: When, aware UTC.
        detail: `OOMKilled` when the memory limit ended it, else empty.
    """

    exit_code: int
    finished_at: datetime
    detail: str = ""


LogSink = Callable[[bytes, datetime], None]
"""Takes raw output as it comes (any chunk, stdout and stderr in order of arrival) and its time."""


class RunningContainer(Protocol):
    """One started container."""

    @property
    def started_at(self) -> datetime:
        """When it started, aware UTC."""
        ...

    async def wait(self) -> ContainerExit:
        """Return once it ended and all its output has been given to the sink; may be awaited twice."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Ask it to end (SIGTERM), then kill its whole tree after `grace_s`; return when it is gone."""
        ...


class Runtime(Protocol):
    """Runs containers for the emulated service."""

    @property
    def name(self) -> str:
        """`process`, `docker` or `scripted`."""
        ...

    async def open(self) -> None:
        """Connect, and remove everything an earlier emulator of this state folder left running."""
        ...

    async def close(self) -> None:
        """End and remove everything this runtime started."""
        ...

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        """Make the image available and return its digest or id, as shown in the Pulled event.

        Raises:
            RuntimeRefusalError: `InaccessibleImage` or `RegistryErrorResponse`.
        """
        ...

    async def prepare_group(self, group: GroupLaunch) -> None:
        """Create what the group's containers share (network, volumes, working folders)."""
        ...

    async def start(self, launch: ContainerLaunch, sink: LogSink) -> RunningContainer:
        """Start one container.

        Raises:
            RuntimeRefusalError: `CommandNotFound` or `Unsupported`.
        """
        ...

    async def remove_group(self, key: str) -> None:
        """End every container of the group and remove what it shared; nothing there is fine."""
        ...
