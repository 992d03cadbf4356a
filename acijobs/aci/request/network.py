"""Where a group is on the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec


def subnets(spec: JobSpec) -> list[sdk.ContainerGroupSubnetId] | None:
    """Return the subnet that the group is in, None for none."""
    return None if spec.subnet_id is None else [sdk.ContainerGroupSubnetId(id=spec.subnet_id)]


def dns(spec: JobSpec) -> sdk.DnsConfiguration | None:
    """Return how names are resolved, None for Azure's own way; Azure takes lists as one text."""
    if spec.dns is None:
        return None
    return sdk.DnsConfiguration(
        name_servers=spec.dns.name_servers,
        search_domains=" ".join(spec.dns.search_domains) or None,
        options=" ".join(spec.dns.options) or None,
    )
