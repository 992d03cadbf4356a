"""Who the containers are, and how their images are pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.request.opened import opened

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec


def identity(spec: JobSpec) -> sdk.ContainerGroupIdentity | None:
    """Return the group's identities; the one that pulls its images must be among them."""
    ids = spec.identities
    kinds = [("SystemAssigned", spec.identity.system), ("UserAssigned", bool(ids))]
    asked = [kind for kind, is_asked in kinds if is_asked]
    if not asked:
        return None
    return sdk.ContainerGroupIdentity(
        type=", ".join(asked),
        user_assigned_identities={each: sdk.UserAssignedIdentities() for each in ids} or None,
    )


def registry_credentials(spec: JobSpec) -> list[sdk.ImageRegistryCredential] | None:
    """Return how to log in at the registry, None where nobody needs to."""
    asked = spec.registry
    if asked is None:
        return None
    if asked.identity is not None:
        return [sdk.ImageRegistryCredential(server=asked.server, identity=asked.identity)]
    password = None if asked.secret is None else opened(asked.secret)
    return [
        sdk.ImageRegistryCredential(server=asked.server, username=asked.user, password=password)
    ]
