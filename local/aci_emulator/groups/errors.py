"""What the resource provider refuses about container groups, in its own words.

Wording: product documentation and recorded answers (docs/reference/aci-emulator.md lists which are
recorded and which are the emulator's guess).
"""

from __future__ import annotations

from aci_emulator.errors import ArmError

_TYPE = "Microsoft.ContainerInstance/containerGroups"


def _bad(code: str, message: str) -> ArmError:
    return ArmError(status=400, code=code, message=message)


def not_found(name: str, resource_group: str) -> ArmError:
    """No such group."""
    return ArmError(
        status=404,
        code="ResourceNotFound",
        message=f"The Resource '{_TYPE}/{name}' under resource group '{resource_group}' was not "
        "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def invalid_name(kind: str, name: str) -> ArmError:
    """A group, container or volume name outside the rules."""
    return _bad(
        f"Invalid{kind}Name",
        f"The {_WORDS[kind]} name '{name[:100]}' is invalid. {_RULES[kind]}",
    )


_WORDS = {"ContainerGroup": "container group", "Container": "container", "Volume": "volume"}
_RULES = {
    "ContainerGroup": "The name must be 1 to 63 characters of lower case letters, numbers and "
    "hyphens, must not start or end with a hyphen and must not contain consecutive hyphens.",
    "Container": "The name must be 1 to 63 characters of lower case letters, numbers and hyphens, "
    "and must not start or end with a hyphen.",
    "Volume": "The name must be 5 to 63 characters of lower case letters, numbers and hyphens, "
    "and must not start or end with a hyphen.",
}


def location_required() -> ArmError:
    """No `location`."""
    return _bad("LocationRequired", "The location property is required for this definition.")


def location_unavailable(location: str, known: tuple[str, ...]) -> ArmError:
    """A location the emulator does not have."""
    return _bad(
        "LocationNotAvailableForResourceType",
        f"The provided location '{location[:60]}' is not available for resource type '{_TYPE}'. "
        f"List of available regions for the resource type is '{','.join(known)}'.",
    )


def other_location(name: str, resource_group: str, has: str, wanted: str) -> ArmError:
    """The group exists elsewhere."""
    return ArmError(
        status=409,
        code="InvalidResourceLocation",
        message=f"The resource '{name}' already exists in location '{has}' in resource group "
        f"'{resource_group}'. A resource with the same name cannot be created in location "
        f"'{wanted}'. Please select a new resource name.",
    )


def invalid_os_type(name: str) -> ArmError:
    """`osType` missing or unknown."""
    return _bad(
        "InvalidOsType",
        f"The 'osType' for container group '{name}' is invalid. "
        "The value must be one of 'Windows,Linux'.",
    )


def invalid_restart_policy(name: str) -> ArmError:
    """`restartPolicy` unknown."""
    return _bad(
        "InvalidRestartPolicy",
        f"The 'restartPolicy' for container group '{name}' is invalid. "
        "The value must be one of 'Always,OnFailure,Never'.",
    )


def containers_missing(name: str) -> ArmError:
    """No containers."""
    return _bad("ContainersNotSpecified", f"No container is specified in container group '{name}'.")


def too_many(what: str, name: str, limit: int) -> ArmError:
    """More containers or volumes than a group can have."""
    return _bad(
        f"TooMany{what}",
        f"The number of {what.lower()} in container group '{name}' exceeds the limit of '{limit}'.",
    )


def duplicate_name(what: str, duplicate: str, name: str) -> ArmError:
    """Two containers, volumes or variables of one name."""
    return _bad(
        f"Duplicate{what}Name",
        f"The {what.lower()} name '{duplicate}' is used more than once in '{name}'.",
    )


def image_missing(container: str, name: str) -> ArmError:
    """No `image`."""
    return _bad(
        "ContainerImageNotSpecified",
        f"The image of container '{container}' in container group '{name}' is not specified.",
    )


def resources_missing(container: str, name: str) -> ArmError:
    """No `resources.requests`."""
    return _bad(
        "ResourceRequestsNotSpecified",
        f"The resource requests are not specified in container '{container}' of contain group "
        f"'{name}'. Both memory and CPU requests are required since API version "
        "'2017-07-01-preview'.",
    )


def some_resources_missing(container: str, name: str) -> ArmError:
    """CPU or memory request missing."""
    return _bad(
        "ResourceSomeRequestsNotSpecified",
        f"The resource requests of container '{container}' in container group '{name}' are "
        "incomplete. Both memory and CPU requests are required.",
    )


def resource_invalid(what: str, value: float, container: str, name: str) -> ArmError:
    """A request that is not above zero."""
    return _bad(
        "InvalidResourceRequest",
        f"The '{what}' request '{value:g}' of container '{container}' in container group '{name}' "
        "is invalid. It must be greater than 0.",
    )


def resources_too_large(
    what: str, value: float, limit: float, name: str, location: str
) -> ArmError:
    """More than one group can have."""
    return _bad(
        "ResourceRequestsExceedLimit",
        f"The total '{what}' request '{value:g}' of container group '{name}' exceeds the maximum "
        f"'{limit:g}' in location '{location}'.",
    )


def limit_above_total(what: str, limit: float, container: str, total: float, name: str) -> ArmError:
    """A container's limit over the group's requests. Recorded: Azure/AKS#2373."""
    return _bad(
        "ContainerLimitGreaterThanContainerGroupTotalRequest",
        f"The '{what}' limit '{limit:g}' in container '{container}' is greater than the total "
        f"request '{total:g}' of container group '{name}'.",
    )


def invalid_environment(variable: str, container: str, name: str) -> ArmError:
    """A variable's name outside the rules, or without a value."""
    return _bad(
        "InvalidContainerEnvironmentVariable",
        f"The environment variable '{variable[:100]}' in container '{container}' of container group "
        f"'{name}' is invalid. A name is 1 to 63 letters, numbers and underscores, not starting "
        "with a number, with exactly one of 'value' and 'secureValue'.",
    )


def ip_ports_missing(name: str) -> ArmError:
    """`ipAddress` without ports."""
    return _bad(
        "MissingIpAddressPorts",
        f"The ports in the 'ipAddress' of container group '{name}' cannot be empty.",
    )


def volume_unknown(volume: str, container: str, name: str) -> ArmError:
    """A mount of a volume that the group does not have."""
    return _bad(
        "VolumeMountNotFound",
        f"The volume '{volume}' mounted in container '{container}' is not specified in container "
        f"group '{name}'.",
    )


def volume_invalid(volume: str, name: str) -> ArmError:
    """A volume without exactly one kind."""
    return _bad(
        "InvalidVolume",
        f"The volume '{volume}' in container group '{name}' is invalid. Exactly one of 'azureFile', "
        "'emptyDir', 'secret' and 'gitRepo' is required.",
    )


def inaccessible_image(image: str, name: str) -> ArmError:
    """The image does not exist, or the credential does not open it."""
    return _bad(
        "InaccessibleImage",
        f"The image '{image}' in container group '{name}' is not accessible. Please check the "
        "image and registry credential.",
    )


def registry_error(registry: str) -> ArmError:
    """The registry did not answer as it should."""
    return ArmError(
        status=409,
        code="RegistryErrorResponse",
        message=f"An error response is received from the docker registry '{registry}'. "
        "Please retry later.",
    )


def os_version_unsupported(image: str) -> ArmError:
    """An image for an OS version the service does not run."""
    return _bad("OsVersionNotSupported", f"The OS version of image '{image}' is not supported.")


def quota_reached(quota: str, location: str, limit: float, usage: float, wanted: float) -> ArmError:
    """The subscription's quota in the location is used up."""
    return _bad(
        "ContainerGroupQuotaReached",
        f"Resource type '{_TYPE}' container group quota '{quota}' exceeded in region '{location}'. "
        f"Limit: '{limit:g}', Usage: '{usage:g}' Requested: '{wanted:g}'.",
    )


def no_capacity(location: str, cores: float, memory_gb: float, os_type: str) -> ArmError:
    """The region has no room."""
    return ArmError(
        status=409,
        code="ServiceUnavailable",
        message=f"The requested resource is not available in the location '{location}' at this "
        "moment. Please retry with a different resource request or in another location. "
        f"Resource requested: '{cores:g}' CPU '{memory_gb:g}' GB memory '{os_type}' OS",
    )


def transitioning(name: str) -> ArmError:
    """The group is between two states."""
    return ArmError(
        status=409,
        code="ContainerGroupTransitioning",
        message=f"The container group '{name}' is still transitioning, please retry later.",
    )


def invalid_update(name: str) -> ArmError:
    """A change that needs delete and create."""
    return _bad(
        "InvalidContainerGroupUpdate",
        f"The updates on container group '{name}' are invalid. If you are going to update the os "
        "type, restart policy, network profile, CPU, memory or GPU resources for a container "
        "group, you must delete it first and then create a new one.",
    )


def deployment_not_ready(name: str) -> ArmError:
    """Logs asked before the deployment began."""
    return ArmError(
        status=409,
        code="ContainerGroupDeploymentNotReady",
        message=f"The container group '{name}' is not ready, please retry later.",
    )


def log_not_available(container: str, name: str) -> ArmError:
    """Logs asked before the container started. Recorded: virtual-kubelet#237."""
    return ArmError(
        status=404,
        code="ContainerLogNotAvailable",
        message=f"Log of container '{container}' in container group '{name}' is not available yet. "
        "Please check container 'InstanceView' for more information or retry later.",
    )


def container_not_found(container: str, name: str) -> ArmError:
    """No container of that name in the group."""
    return ArmError(
        status=404,
        code="ContainerNotFound",
        message=f"The container '{container[:100]}' is not found in container group '{name}'.",
    )


def invalid_tail(value: str) -> ArmError:
    """`tail` is not a number."""
    return _bad(
        "InvalidTail", f"The value '{value[:60]}' of 'tail' is not a whole number from 0 on."
    )


def provisioning_timed_out(name: str, minutes: float) -> dict[str, str]:
    """Return the error of an operation whose group did not start in time."""
    return {
        "code": "ContainerGroupProvisioningTimeout",
        "message": f"The container group '{name}' has not been provisioned within "
        f"'{minutes:g}' minutes.",
    }
