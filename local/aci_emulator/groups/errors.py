"""What the resource provider refuses about container groups, in its own words.

Wording: product documentation and recorded answers (docs/reference/aci-emulator.md lists which are
recorded and which are the emulator's guess).
"""

from __future__ import annotations

from aci_emulator.arm_ids import GROUP_TYPE
from aci_emulator.errors import Refusal

not_found = Refusal(
    "ResourceNotFound",
    f"The Resource '{GROUP_TYPE}/{{name}}' under resource group '{{resource_group}}' was not "
    "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    404,
)
invalid_group_name = Refusal(
    "InvalidContainerGroupName",
    "The container group name '{name}' is invalid. The name must be 1 to 63 characters of lower "
    "case letters, numbers and hyphens, must not start or end with a hyphen and must not contain "
    "consecutive hyphens.",
)
invalid_container_name = Refusal(
    "InvalidContainerName",
    "The container name '{name}' is invalid. The name must be 1 to 63 characters of lower case "
    "letters, numbers and hyphens, and must not start or end with a hyphen.",
)
invalid_volume_name = Refusal(
    "InvalidVolumeName",
    "The volume name '{name}' is invalid. The name must be 1 to 63 characters of lower case "
    "letters, numbers and hyphens, and must not start or end with a hyphen.",
)
tag_reserved = Refusal(
    "ReservedTagName",
    "The tag name '{name}' begins with a reserved prefix: 'azure', 'microsoft' and 'windows' "
    "cannot be used.",
)
tag_twice = Refusal(
    "DuplicateTagName", "The tag name '{name}' is used twice; tag names are compared without case."
)
location_required = Refusal(
    "LocationRequired", "The location property is required for this definition."
)
location_unavailable = Refusal(
    "LocationNotAvailableForResourceType",
    f"The provided location '{{location}}' is not available for resource type '{GROUP_TYPE}'. "
    "List of available regions for the resource type is '{known}'.",
)
other_location = Refusal(
    "InvalidResourceLocation",
    "The resource '{name}' already exists in location '{has}' in resource group "
    "'{resource_group}'. A resource with the same name cannot be created in location '{wanted}'. "
    "Please select a new resource name.",
    409,
)
# The live service says <null> here whatever the group's name (azure-dev training material).
invalid_os_type = Refusal(
    "InvalidOsType",
    "The 'osType' for container group '<null>' is invalid. "
    "The value must be one of 'Windows,Linux'.",
)
invalid_restart_policy = Refusal(
    "InvalidRestartPolicy",
    "The 'restartPolicy' for container group '{name}' is invalid. "
    "The value must be one of 'Always,OnFailure,Never'.",
)
containers_missing = Refusal(
    "ContainersNotSpecified", "No container is specified in container group '{name}'."
)
too_many_containers = Refusal(
    "TooManyContainers",
    "The number of containers in container group '{name}' exceeds the limit of '{limit}'.",
)
too_many_volumes = Refusal(
    "TooManyVolumes",
    "The number of volumes in container group '{name}' exceeds the limit of '{limit}'.",
)
duplicate_container = Refusal(
    "DuplicateContainerName",
    "The container name '{duplicate}' is used more than once in '{name}'.",
)
duplicate_volume = Refusal(
    "DuplicateVolumeName", "The volume name '{duplicate}' is used more than once in '{name}'."
)
image_missing = Refusal(
    "ContainerImageNotSpecified",
    "The image of container '{container}' in container group '{name}' is not specified.",
)
resources_missing = Refusal(
    "ResourceRequestsNotSpecified",
    "The resource requests are not specified in container '{container}' of contain group "
    "'{name}'. Both memory and CPU requests are required since API version '2017-07-01-preview'.",
)
some_resources_missing = Refusal(
    "ResourceSomeRequestsNotSpecified",
    "The resource requests of container '{container}' in container group '{name}' are incomplete. "
    "Both memory and CPU requests are required.",
)
resource_invalid = Refusal(
    "InvalidResourceRequest",
    "The '{what}' request '{value:g}' of container '{container}' in container group '{name}' is "
    "invalid. It must be greater than 0.",
)
resource_uneven = Refusal(
    "InvalidResourceRequest",
    "The '{what}' request '{value:g}' of container '{container}' in container group '{name}' is "
    "invalid. It must be a multiple of {step:g}.",
)
# Recorded: virtual-kubelet#143, compose-cli#357.
limit_below_request = Refusal(
    "ResourceLimitsLessThanRequests",
    "The resource requirement '{resources}' in container '{container}' of contain group '{name}' "
    "is invalid. The '{what}' limit value must be greater than or equal to the request value.",
)
resources_too_large = Refusal(
    "ResourceRequestsExceedLimit",
    "The total '{what}' request '{value:g}' of container group '{name}' exceeds the maximum "
    "'{limit:g}' in location '{location}'.",
)
# Recorded: Azure/AKS#2373.
limit_above_total = Refusal(
    "ContainerLimitGreaterThanContainerGroupTotalRequest",
    "The '{what}' limit '{limit:g}' in container '{container}' is greater than the total request "
    "'{total:g}' of container group '{name}'.",
)
invalid_environment = Refusal(
    "InvalidContainerEnvironmentVariable",
    "The environment variable '{variable}' in container '{container}' of container group '{name}' "
    "is invalid. A name is 1 to 63 letters, numbers and underscores, not starting with a number, "
    "with exactly one of 'value' and 'secureValue'.",
)
ip_ports_missing = Refusal(
    "MissingIpAddressPorts",
    "The ports in the 'ipAddress' of container group '{name}' cannot be empty.",
)
spot_with_address = Refusal(
    "SpotIpAddressNotSupported",
    "Container group '{name}' of priority 'Spot' cannot have a public IP address.",
)
spot_in_subnet = Refusal(
    "SpotNetworkNotSupported",
    "Container group '{name}' of priority 'Spot' cannot be deployed into a subnet.",
)
dns_without_subnet = Refusal(
    "DnsConfigNotSupported",
    "The 'dnsConfig' of container group '{name}' is supported in a subnet only.",
)
# Recorded: aci-issues#10.
windows_alone = Refusal(
    "MultipleWindowsContainersNotSupported",
    "Multiple containers are defined in the Windows container group '{name}'. A Windows container "
    "group can only have one container.",
)
windows_volumes = Refusal(
    "WindowsVolumesNotSupported",
    "Volumes are defined in the Windows container group '{name}'. They are supported for Linux "
    "only.",
)
registry_identity_unknown = Refusal(
    "InvalidImageRegistryCredentialIdentity",
    "The identity that is to pull from '{server}' is not assigned to container group '{name}'.",
)
mount_path_invalid = Refusal(
    "InvalidVolumeMountPath",
    "The mount path '{path}' in container '{container}' of container group '{name}' is invalid. It "
    "cannot contain ':'.",
)
volume_unknown = Refusal(
    "VolumeMountNotFound",
    "The volume '{volume}' mounted in container '{container}' is not specified in container group "
    "'{name}'.",
)
volume_invalid = Refusal(
    "InvalidVolume",
    "The volume '{volume}' in container group '{name}' is invalid. Exactly one of 'azureFile', "
    "'emptyDir', 'secret' and 'gitRepo' is required.",
)
inaccessible_image = Refusal(
    "InaccessibleImage",
    "The image '{image}' in container group '{name}' is not accessible. Please check the image "
    "and registry credential.",
)
registry_error = Refusal(
    "RegistryErrorResponse",
    "An error response is received from the docker registry '{registry}'. Please retry later.",
    409,
)
os_version_unsupported = Refusal(
    "OsVersionNotSupported", "The OS version of image '{image}' is not supported."
)
quota_reached = Refusal(
    "ContainerGroupQuotaReached",
    f"Resource type '{GROUP_TYPE}' container group quota '{{quota}}' exceeded in region "
    "'{location}'. Limit: '{limit:g}', Usage: '{usage:g}' Requested: '{wanted:g}'.",
)
no_capacity = Refusal(
    "ServiceUnavailable",
    "The requested resource is not available in the location '{location}' at this moment. Please "
    "retry with a different resource request or in another location. Resource requested: "
    "'{cores:g}' CPU '{memory_gb:g}' GB memory '{os_type}' OS",
    409,
)
transitioning = Refusal(
    "ContainerGroupTransitioning",
    "The container group '{name}' is still transitioning, please retry later.",
    409,
)
# Recorded text: azure-cli#8136. The code is a guess.
is_stopped = Refusal(
    "ContainerGroupStopped",
    "Container Group '{name}' in resource group '{resource_group}' is stopped.",
    409,
)
deployment_failed = Refusal(
    "DeploymentFailed", "The containers of container group '{name}' could not be created."
)
invalid_update = Refusal(
    "InvalidContainerGroupUpdate",
    "The updates on container group '{name}' are invalid. If you are going to update the os type, "
    "restart policy, network profile, CPU, memory or GPU resources for a container group, you must "
    "delete it first and then create a new one.",
)
deployment_not_ready = Refusal(
    "ContainerGroupDeploymentNotReady",
    "The container group '{name}' is not ready, please retry later.",
    409,
)
# Recorded: virtual-kubelet#237.
log_not_available = Refusal(
    "ContainerLogNotAvailable",
    "Log of container '{container}' in container group '{name}' is not available yet. Please "
    "check container 'InstanceView' for more information or retry later.",
    404,
)
container_not_found = Refusal(
    "ContainerNotFound",
    "The container '{container}' is not found in container group '{name}'.",
    404,
)
invalid_tail = Refusal(
    "InvalidTail", "The value '{value}' of 'tail' is not a whole number from 0 on."
)
provisioning_timed_out = Refusal(
    "ContainerGroupProvisioningTimeout",
    "The container group '{name}' has not been provisioned within '{minutes:g}' minutes.",
)
