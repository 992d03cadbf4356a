"""The containers of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.request.opened import opened
from acijobs.aci.request.volumes import mounts
from acijobs.domain.group import MAIN_CONTAINER

if TYPE_CHECKING:
    from acijobs.domain.spec.containers import InitContainer, Sidecar
    from acijobs.domain.spec.job import JobSpec


def main(spec: JobSpec) -> sdk.Container:
    """Return the job's own container."""
    return sdk.Container(**_described(spec, MAIN_CONTAINER, spec), resources=_resources(spec))


def sidecars(spec: JobSpec) -> list[sdk.Container]:
    """Return the containers at its side."""
    return [
        sdk.Container(**_described(spec, sidecar.name, sidecar), resources=_resources(sidecar))
        for sidecar in spec.sidecars
    ]


def init_containers(spec: JobSpec) -> list[sdk.InitContainerDefinition]:
    """Return the containers that run first; they have what the others ask for to themselves."""
    return [
        sdk.InitContainerDefinition(**_described(spec, container.name, container))
        for container in spec.init_containers
    ]


def _described(
    spec: JobSpec, name: str, container: JobSpec | InitContainer | Sidecar
) -> dict[str, Any]:
    """Return what Azure is told of a container of any kind."""
    return {
        "name": name,
        "image": container.image,
        "command": container.command,
        "environment_variables": _variables(container),
        "volume_mounts": mounts(spec, name) or None,
    }


def _variables(container: JobSpec | InitContainer | Sidecar) -> list[sdk.EnvironmentVariable]:
    plain = [
        sdk.EnvironmentVariable(name=name, value=value)
        for name, value in container.environment.items()
    ]
    secret = [
        sdk.EnvironmentVariable(name=name, secure_value=opened(value))
        for name, value in container.secrets.items()
    ]
    return plain + secret


def _resources(container: JobSpec | Sidecar) -> sdk.ResourceRequirements:
    return sdk.ResourceRequirements(
        requests=sdk.ResourceRequests(cpu=container.cpu, memory_in_gb=container.memory_gb)
    )
