"""Creating and starting containers: one blocking conversation with the engine each."""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, ImageNotFound
from requests.exceptions import RequestException

from aci_emulator.runtimes.contract import ContainerLaunch, RuntimeRefusalError
from aci_emulator.runtimes.docker.stream import release

if TYPE_CHECKING:
    import docker

_log = logging.getLogger(__name__)

_GIB = 1 << 30
_NANO = 1_000_000_000
# How runc, and in the later alternatives crun, say that there is no such program.
_EXEC_FAILURE = re.compile(
    r"\b(?:exec|stat): .*?(?:not found in \$PATH|no such file or directory|permission denied|"
    r"exec format error|is a directory)|"
    r"executable file `[^`]*` not found in \$PATH|open executable: [\w ]+|"
    r"invoke a command that was not found|OCI permission denied",
    re.IGNORECASE,
)
_LIMITS_REFUSED = re.compile(r"cgroup|memory\.(limit|max)|cpu\.(cfs|max)|swap", re.IGNORECASE)
_NETWORK_REFUSED = re.compile(r"netavark|network|cni|iptables|nftables|bridge|veth", re.IGNORECASE)


@dataclass(kw_only=True)
class Limits:
    """Whether the engine can limit containers on its machine; learnt from its first refusal."""

    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class Request:
    """One container to create.

    Attributes:
        launch: What it runs.
        name: Its name in the engine.
        labels: By which it is found again.
        holder: The id of the container whose network it joins.
        binds: Volumes it sees, in the engine's form.
    """

    launch: ContainerLaunch
    name: str
    labels: dict[str, str]
    holder: str
    binds: list[str] = field(default_factory=list)


def volume_bind(volume: str, path: str, *, read_only: bool) -> str:
    """Return a mount of a named volume that never starts with a copy of the image's files.

    In the older of the API's two forms: Podman forgets `nocopy` in the newer one. It cannot tell
    apart a path with a colon, which ACI does not allow either.
    """
    return f"{volume}:{path}:{'ro' if read_only else 'rw'},nocopy"


def launch(api: docker.APIClient, request: Request, limits: Limits) -> tuple[str, Any]:
    """Return the id and the attached output socket of a container that has just been started.

    Raises:
        RuntimeRefusalError: `CommandNotFound`, `InaccessibleImage` or `Unsupported`.
    """
    while True:
        limited = not limits.refused
        try:
            return _launch_once(api, request, limited=limited)
        except APIError as error:
            reason = str(error.explanation or error)
            command = _EXEC_FAILURE.search(reason)
            if command is None and limited and _LIMITS_REFUSED.search(reason):
                _log.warning("this engine cannot limit cpu and memory; running without: %s", reason)
                limits.refused = True
                continue
            if isinstance(error, ImageNotFound):
                raise RuntimeRefusalError("InaccessibleImage", reason) from error
            if command is not None:
                text = _naming_the_command(command.group(), request.launch)
                raise RuntimeRefusalError("CommandNotFound", text) from error
            raise RuntimeRefusalError("Unsupported", reason) from error


def _naming_the_command(text: str, asked: ContainerLaunch) -> str:
    first = asked.command[0] if asked.command else None
    return text if first is None or first in text else f'exec: "{first}": {text}'


def _launch_once(api: docker.APIClient, request: Request, *, limited: bool) -> tuple[str, Any]:
    container_id = _create(api, request, limited=limited)
    attached = None
    try:
        # Attached before the start, so that the first byte is not missed.
        streams = {"stdout": 1, "stderr": 1, "stream": 1}
        attached = api.attach_socket(container_id, params=streams)
        api.start(container_id)
    except BaseException:
        if attached is not None:
            release(attached)
        with contextlib.suppress(APIError, RequestException):
            api.remove_container(container_id, v=True, force=True)
        raise
    return container_id, attached


def _create(api: docker.APIClient, request: Request, *, limited: bool) -> str:
    asked = request.launch
    memory_bytes = int(asked.memory_gb * _GIB) if limited else None
    host_config = api.create_host_config(
        network_mode=f"container:{request.holder}",
        binds=request.binds,
        mem_limit=memory_bytes,
        memswap_limit=memory_bytes,
        nano_cpus=int(asked.cpu * _NANO) if limited else None,
    )
    # As in ACI, a command replaces the image's entry point and its arguments alike.
    created = api.create_container(
        asked.image,
        entrypoint=list(asked.command) if asked.command else None,
        environment=dict(asked.environment),
        name=request.name,
        labels=request.labels,
        host_config=host_config,
    )
    return str(created["Id"])


def start_holder(
    api: docker.APIClient,
    *,
    image: str,
    name: str,
    labels: dict[str, str],
    binds: list[str],
) -> str:
    """Return the id of a running container that only holds a network and volumes.

    Where the engine cannot make bridges, it has a loopback interface only, and a warning is logged.

    Raises:
        RuntimeRefusalError: `Unsupported`: the engine refused, in its own words.
    """
    for network in ("bridge", "none"):
        host_config = api.create_host_config(network_mode=network, binds=binds)
        created = None
        try:
            created = api.create_container(image, name=name, labels=labels, host_config=host_config)
            api.start(created["Id"])
            return str(created["Id"])
        except APIError as error:
            reason = str(error.explanation or error)
            if created is not None:
                with contextlib.suppress(APIError, RequestException):
                    api.remove_container(created["Id"], force=True)
            if network == "none" or not _NETWORK_REFUSED.search(reason):
                raise RuntimeRefusalError("Unsupported", reason) from error
            _log.warning("this engine cannot make a network; containers have none: %s", reason)
    raise AssertionError("unreachable: the last attempt returns or raises")
