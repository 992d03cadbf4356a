"""What Azure does not combine: Spot, Windows, subnets, identities and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.groups import errors
from aci_emulator.groups.reading import JsonObject

if TYPE_CHECKING:
    from aci_emulator.groups.spec import GroupSpec


def check_combinations(spec: GroupSpec, properties: JsonObject) -> None:
    """Refuse what is right in each member, and wrong in all of them together.

    Raises:
        ArmError: the first such thing.
    """
    _check_address(spec, properties)
    _check_network(spec, properties)
    if spec.os_type == "Windows":
        _check_windows(spec)
    _check_pulling(spec, properties)
    _check_mounts(spec)


def _check_address(spec: GroupSpec, properties: JsonObject) -> None:
    address = properties.member("ipAddress")
    if address is not None and not address.objects("ports"):
        raise errors.ip_ports_missing(spec.name)
    if address is not None and spec.spot and address.text("type") != "Private":
        raise errors.spot_with_address(spec.name)


def _check_network(spec: GroupSpec, properties: JsonObject) -> None:
    subnets = properties.objects("subnetIds")
    if subnets and spec.spot:
        raise errors.spot_in_subnet(spec.name)
    if properties.member("dnsConfig") is not None and not subnets:
        raise errors.dns_without_subnet(spec.name)


def _check_windows(spec: GroupSpec) -> None:
    if len(spec.containers) + len(spec.init_containers) > 1:
        raise errors.windows_alone(spec.name)
    if spec.volumes or spec.unsupported_volumes:
        raise errors.windows_volumes(spec.name)


def _check_pulling(spec: GroupSpec, properties: JsonObject) -> None:
    """Refuse to pull as an identity that the group has not been given."""
    given = JsonObject(spec.envelope.get("identity") or {}).member("userAssignedIdentities")
    ids = {identity.lower() for identity in given.raw} if given is not None else set()
    for entry in properties.objects("imageRegistryCredentials"):
        pulling = entry.text("identity")
        if pulling is not None and pulling.lower() not in ids:
            raise errors.registry_identity_unknown(entry.text("server") or "", spec.name)


def _check_mounts(spec: GroupSpec) -> None:
    if spec.os_type == "Windows":
        return
    for container in (*spec.containers, *spec.init_containers):
        for mount in container.mounts:
            if ":" in mount.path:
                raise errors.mount_path_invalid(mount.path, container.name, spec.name)
