"""The container group as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.request import access, containers, network, volumes

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec

_USUAL_PRIORITY = "Regular"


def container_group(spec: JobSpec, location: str, tags: dict[str, str]) -> sdk.ContainerGroup:
    """Return the SDK's description of the group that runs this job.

    What the job does not ask for is left out: it is not the same to Azure as an empty list.

    Args:
        spec: The job; its secrets are values.
        location: The region, like `westeurope`.
        tags: The group's tags.
    """
    return sdk.ContainerGroup(
        location=location,
        tags=tags,
        containers=[containers.main(spec), *containers.sidecars(spec)],
        init_containers=containers.init_containers(spec) or None,
        os_type=spec.os,
        restart_policy=spec.restart_policy,
        priority=None if spec.priority == _USUAL_PRIORITY else spec.priority,
        identity=access.identity(spec),
        image_registry_credentials=access.registry_credentials(spec),
        volumes=[volumes.volume(each) for each in spec.volumes] or None,
        subnet_ids=network.subnets(spec),
        dns_config=network.dns(spec),
    )
