"""Paths of container groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.groups.handlers import GroupHandlers

_PROVIDER = "providers/Microsoft.ContainerInstance"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_IN_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroup}}/{_PROVIDER}"
_ONE = f"{_IN_GROUP}/containerGroups/{{name}}"
_CONTAINER = f"{_ONE}/containers/{{container}}"
_NETWORKS = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroup}}/providers/Microsoft.Network"
_SUBNET = f"{_NETWORKS}/virtualNetworks/{{network}}/subnets/{{subnet}}"
_PROFILES = f"{_IN_GROUP}/containerGroupProfiles"


def routes(handlers: GroupHandlers) -> list[Route]:
    """Return the routes of container groups; what is not supported is a route, too."""
    table = [
        ("PUT", _ONE, "ContainerGroups_CreateOrUpdate", handlers.create_or_update),
        ("GET", _ONE, "ContainerGroups_Get", handlers.get),
        ("PATCH", _ONE, "ContainerGroups_Update", handlers.update),
        ("DELETE", _ONE, "ContainerGroups_Delete", handlers.delete),
        ("POST", f"{_ONE}/start", "ContainerGroups_Start", handlers.start),
        ("POST", f"{_ONE}/stop", "ContainerGroups_Stop", handlers.stop),
        ("POST", f"{_ONE}/restart", "ContainerGroups_Restart", handlers.restart),
        ("GET", f"{_CONTAINER}/logs", "Containers_ListLogs", handlers.list_logs),
        (
            "GET",
            f"{_SUBSCRIPTION}/{_PROVIDER}/containerGroups",
            "ContainerGroups_List",
            handlers.list_all,
        ),
        (
            "GET",
            f"{_IN_GROUP}/containerGroups",
            "ContainerGroups_ListByResourceGroup",
            handlers.list_by_resource_group,
        ),
        ("POST", f"{_CONTAINER}/exec", "Containers_ExecuteCommand", handlers.unsupported),
        ("POST", f"{_CONTAINER}/attach", "Containers_Attach", handlers.unsupported),
        (
            "GET",
            f"{_ONE}/outboundNetworkDependenciesEndpoints",
            "ContainerGroups_GetOutboundNetworkDependenciesEndpoints",
            handlers.unsupported,
        ),
        (
            "DELETE",
            f"{_SUBNET}/{_PROVIDER}/serviceAssociationLinks/default",
            "SubnetServiceAssociationLink_Delete",
            handlers.unsupported,
        ),
        ("GET", _PROFILES, "ContainerGroupProfiles_ListByResourceGroup", handlers.unsupported),
        *(
            (method, f"{_PROFILES}/{{name}}", f"ContainerGroupProfile_{verb}", handlers.unsupported)
            for method, verb in (
                ("GET", "Get"),
                ("PUT", "CreateOrUpdate"),
                ("PATCH", "Update"),
                ("DELETE", "Delete"),
            )
        ),
    ]
    return [
        Route(method=method, path=path, operation=operation, handler=handler)
        for method, path, operation, handler in table
    ]
