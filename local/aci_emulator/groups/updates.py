"""Which changes a PUT may make to a group that exists.

Source: container-instances-update of the product documentation: OS type, CPU, memory or GPU, restart
policy and network profile need delete and create.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.groups import errors

if TYPE_CHECKING:
    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.groups.state import Group


def check_update(group: Group, wanted: GroupSpec) -> None:
    """Accept a change the service can make in place.

    Raises:
        ArmError: `InvalidResourceLocation`, `ContainerGroupTransitioning`,
            `InvalidContainerGroupUpdate`.
    """
    present = group.spec
    if present.location != wanted.location:
        raise errors.other_location(
            group.name, present.location, group.resource_group, wanted.location
        )
    if group.transitioning:
        raise errors.transitioning(group.name)
    if _fixed(present) != _fixed(wanted):
        raise errors.invalid_update(group.name)


def _fixed(spec: GroupSpec) -> tuple[object, ...]:
    """Return what cannot change while the group exists."""
    resources = {
        container.name: (container.cpu, container.memory_gb, container.gpu)
        for container in spec.containers
    }
    network = (spec.extra.get("subnetIds"), spec.extra.get("networkProfile"))
    return spec.os_type, spec.restart_policy, spec.sku, spec.priority, resources, network
