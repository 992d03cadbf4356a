"""The containers of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.request.opened import opened
from acijobs.aci.request.volumes import mounts
from acijobs.domain.group import MAIN_CONTAINER

if TYPE_CHECKING:
    from acijobs.domain.spec.containers import InitContainer, Sidecar
    from acijobs.domain.spec.job import JobSpec


def main(spec: JobSpec) -> sdk.Container:
    """Return the job's own container."""
    return sdk.Container(
        name=MAIN_CONTAINER,
        image=spec.image,
        command=spec.command,
        environment_variables=_variables(spec),
        volume_mounts=mounts(spec, MAIN_CONTAINER) or None,
        resources=_resources(spec),
    )


def sidecars(spec: JobSpec) -> list[sdk.Container]:
    """Return the containers at its side."""
    return [
        sdk.Container(
            name=sidecar.name,
            image=sidecar.image,
            command=sidecar.command,
            environment_variables=_variables(sidecar),
            volume_mounts=mounts(spec, sidecar.name) or None,
            resources=_resources(sidecar),
        )
        for sidecar in spec.sidecars
    ]


def init_containers(spec: JobSpec) -> list[sdk.InitContainerDefinition]:
    """Return the containers that run first; they have what the others ask for to themselves."""
    return [
        sdk.InitContainerDefinition(
            name=container.name,
            image=container.image,
            command=container.command,
            environment_variables=_variables(container),
            volume_mounts=mounts(spec, container.name) or None,
        )
        for container in spec.init_containers
    ]


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
