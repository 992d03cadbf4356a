"""Paths of container groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator import arm_ids
from aci_emulator.arm_ids import CONTAINER_PATH, GROUP_PATH, PROFILES_PATH
from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.groups.handlers import GroupHandlers
    from aci_emulator.routing import Handler

_GROUP = "ContainerGroups"
_PROFILE = f"{PROFILES_PATH}/{{name}}"
_OUTBOUND = "outboundNetworkDependenciesEndpoints"
_UNSUPPORTED = (
    ("POST", f"{CONTAINER_PATH}/exec", "Containers_ExecuteCommand"),
    ("POST", f"{CONTAINER_PATH}/attach", "Containers_Attach"),
    ("GET", f"{GROUP_PATH}/{_OUTBOUND}", f"{_GROUP}_GetOutboundNetworkDependenciesEndpoints"),
    ("DELETE", arm_ids.SUBNET_LINK_PATH, "SubnetServiceAssociationLink_Delete"),
    ("PUT", arm_ids.DEPLOYMENT_PATH, "Deployments_CreateOrUpdate"),
    ("GET", arm_ids.DEPLOYMENT_PATH, "Deployments_Get"),
    ("DELETE", arm_ids.DEPLOYMENT_PATH, "Deployments_Delete"),
    ("POST", f"{arm_ids.DEPLOYMENT_PATH}/validate", "Deployments_Validate"),
    ("POST", f"{arm_ids.DEPLOYMENT_PATH}/whatIf", "Deployments_WhatIf"),
    ("GET", PROFILES_PATH, "ContainerGroupProfiles_ListByResourceGroup"),
    ("GET", _PROFILE, "ContainerGroupProfile_Get"),
    ("PUT", _PROFILE, "ContainerGroupProfile_CreateOrUpdate"),
    ("PATCH", _PROFILE, "ContainerGroupProfile_Update"),
    ("DELETE", _PROFILE, "ContainerGroupProfile_Delete"),
)


def routes(handlers: GroupHandlers) -> list[Route]:
    """Return the routes of container groups; what is not supported is a route, too."""
    return [
        Route("PUT", GROUP_PATH, f"{_GROUP}_CreateOrUpdate", handlers.create_or_update),
        Route("GET", GROUP_PATH, f"{_GROUP}_Get", handlers.get),
        Route("PATCH", GROUP_PATH, f"{_GROUP}_Update", handlers.update),
        Route("DELETE", GROUP_PATH, f"{_GROUP}_Delete", handlers.delete),
        Route("POST", f"{GROUP_PATH}/start", f"{_GROUP}_Start", handlers.start),
        Route("POST", f"{GROUP_PATH}/stop", f"{_GROUP}_Stop", handlers.stop),
        Route("POST", f"{GROUP_PATH}/restart", f"{_GROUP}_Restart", handlers.restart),
        Route("GET", f"{CONTAINER_PATH}/logs", "Containers_ListLogs", handlers.list_logs),
        Route("GET", arm_ids.ALL_GROUPS_PATH, f"{_GROUP}_List", handlers.list_all),
        Route("GET", arm_ids.GROUPS_PATH, f"{_GROUP}_ListByResourceGroup", handlers.list_in_group),
        *(_unsupported(known, handlers.unsupported) for known in _UNSUPPORTED),
    ]


def _unsupported(known: tuple[str, str, str], refuse: Handler) -> Route:
    """Return the route of what Azure has: refused as such, whatever version and body it has."""
    return Route(*known, refuse, any_version=True, reads_body=False)
