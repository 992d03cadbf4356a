"""Translates a job's specification into the SDK's models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

from acijobs.domain.group import MAIN_CONTAINER

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec


def container_group(spec: JobSpec, location: str, tags: dict[str, str]) -> sdk.ContainerGroup:
    """Return the SDK's description of the group that runs this job."""
    container = sdk.Container(
        name=MAIN_CONTAINER,
        image=spec.image,
        command=spec.command,
        environment_variables=[
            sdk.EnvironmentVariable(name=name, value=value)
            for name, value in spec.environment.items()
        ],
        resources=sdk.ResourceRequirements(
            requests=sdk.ResourceRequests(cpu=spec.cpu, memory_in_gb=spec.memory_gb)
        ),
    )
    return sdk.ContainerGroup(
        location=location,
        tags=tags,
        containers=[container],
        os_type=spec.os,
        restart_policy=spec.restart_policy,
    )
