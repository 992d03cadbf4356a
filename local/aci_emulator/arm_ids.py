"""ARM ids and paths: how they are made, taken apart and compared."""

from __future__ import annotations

from urllib.parse import quote

NAMESPACE = "Microsoft.ContainerInstance"
GROUP_TYPE = f"{NAMESPACE}/containerGroups"

SUBSCRIPTION_PATH = "/subscriptions/{subscription}"
PROVIDER_PATH = f"{SUBSCRIPTION_PATH}/providers/{{namespace}}"
LOCATION_PATH = f"{SUBSCRIPTION_PATH}/providers/{NAMESPACE}/locations/{{location}}"
OPERATION_PATH = f"{LOCATION_PATH}/operations/{{operation}}"
ALL_GROUPS_PATH = f"{SUBSCRIPTION_PATH}/providers/{GROUP_TYPE}"
RESOURCE_GROUP_PATH = f"{SUBSCRIPTION_PATH}/resourceGroups/{{resourceGroup}}"
GROUPS_PATH = f"{RESOURCE_GROUP_PATH}/providers/{GROUP_TYPE}"
GROUP_PATH = f"{GROUPS_PATH}/{{name}}"
CONTAINER_PATH = f"{GROUP_PATH}/containers/{{container}}"
PROFILES_PATH = f"{RESOURCE_GROUP_PATH}/providers/{NAMESPACE}/containerGroupProfiles"
SUBNET_LINK_PATH = (
    f"{RESOURCE_GROUP_PATH}/providers/Microsoft.Network/virtualNetworks/{{network}}/subnets/{{subnet}}"
    f"/providers/{NAMESPACE}/serviceAssociationLinks/default"
)
DEPLOYMENT_PATH = f"{RESOURCE_GROUP_PATH}/providers/Microsoft.Resources/deployments/{{deployment}}"

Key = tuple[str, str]
"""What tells groups apart: resource group and name, both in lower case."""


def group_key(resource_group: str, name: str) -> Key:
    """Return a group's key: ARM compares names without case."""
    return resource_group.lower(), name.lower()


def group_id(subscription: str, resource_group: str, name: str) -> str:
    """Return a group's resource id."""
    return GROUP_PATH.format(subscription=subscription, resourceGroup=resource_group, name=name)


def resource_group_id(subscription: str, resource_group: str) -> str:
    """Return a resource group's id."""
    return RESOURCE_GROUP_PATH.format(subscription=subscription, resourceGroup=resource_group)


def provider_id(subscription: str) -> str:
    """Return the id of the provider in a subscription."""
    return PROVIDER_PATH.format(subscription=subscription, namespace=NAMESPACE)


def usage_id(subscription: str, location: str, usage: str) -> str:
    """Return the id of a usage in a location."""
    at = LOCATION_PATH.format(subscription=subscription, location=location)
    return f"{at}/usages/{usage}"


def operation_path(subscription: str, location: str, operation: str) -> str:
    """Return the path where a client asks how an operation goes."""
    return OPERATION_PATH.format(
        subscription=subscription, location=quote(location), operation=operation
    )


def normal_location(location: str) -> str:
    """Return a location as ARM compares it: `East US` is `eastus`."""
    return location.replace(" ", "").lower()
