"""What a location offers: usages, capabilities, cached images; the provider's operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aci_emulator.arm_ids import LOCATION_PATH, NAMESPACE, normal_location, usage_id
from aci_emulator.errors import Refusal
from aci_emulator.routing import Answer, Call, Route

if TYPE_CHECKING:
    from aci_emulator.groups.quota import Quota
    from aci_emulator.subscription import Subscription

_UNKNOWN = Refusal(
    "NoRegisteredProviderFound",
    "No registered resource provider found for location '{location}'. The supported locations are "
    "'{known}'.",
)
_VERBS = ("read", "write", "delete", "start/action", "stop/action", "restart/action")
# Two of the 43 recorded in tests/fixtures/aci_emulator/cached_images.json's source.
_CACHED_IMAGES = tuple(
    {"osType": "Windows", "osVersion": "Windows Server 2019 - After 2B", "image": image}
    for image in (
        "mcr.microsoft.com/windows/nanoserver:10.0.17763.1158-amd64",
        "mcr.microsoft.com/windows/servercore:10.0.17763.1158-amd64",
    )
)
# What a group of a kind can have at most: osType, ipAddressType, gpu, memory, cores, GPUs.
# Source: tests/fixtures/aci_emulator/capabilities.json (recorded for eastus).
_MOST: tuple[tuple[str, str, str, float, float, int], ...] = (
    ("NotSpecified", "Public", "None", 256.0, 32.0, 0),
    ("NotSpecified", "Private", "None", 256.0, 32.0, 0),
    ("Linux", "Public", "V100", 448.0, 24.0, 4),
)


class LocationHandlers:
    """The configured locations."""

    def __init__(self, subscription: Subscription, quota: Quota) -> None:
        self._subscription = subscription
        self._quota = quota

    def routes(self) -> list[Route]:
        """Return the routes of locations."""
        at, operations = LOCATION_PATH, f"/providers/{NAMESPACE}/operations"
        return [
            Route("GET", f"{at}/usages", "Location_ListUsage", self.usages),
            Route("GET", f"{at}/capabilities", "Location_ListCapabilities", self.capabilities),
            Route("GET", f"{at}/cachedImages", "Location_ListCachedImages", self.cached_images),
            Route("GET", operations, "Operations_List", self.operations),
        ]

    def _location(self, call: Call) -> str:
        location = normal_location(call.params["location"])
        if location not in self._subscription.locations:
            raise _UNKNOWN(location, ",".join(self._subscription.locations))
        return location

    async def usages(self, call: Call) -> Answer:
        """GET usages: groups and cores in use, and their limits."""
        location = self._location(call)
        value = [
            {
                "id": usage_id(self._subscription.id, location, usage.id),
                "unit": "Count",
                "currentValue": int(usage.used),
                "limit": 2**31 - 1 if usage.limit is None else int(usage.limit),
                "name": {
                    "value": usage.name,
                    "localizedValue": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", usage.name),
                },
            }
            for usage in self._quota.usages(location)
        ]
        return Answer(status=200, body={"value": value})

    async def capabilities(self, call: Call) -> Answer:
        """GET capabilities: what a group of each kind can have at most."""
        location = self._location(call)
        value = [
            {
                "resourceType": "containerGroups",
                "osType": os_type,
                "location": location,
                "ipAddressType": address,
                "gpu": gpu,
                "capabilities": {"maxMemoryInGB": memory_gb, "maxCpu": cores, "maxGpuCount": gpus},
            }
            for os_type, address, gpu, memory_gb, cores, gpus in _MOST
        ]
        return Answer(status=200, body={"value": value})

    async def cached_images(self, call: Call) -> Answer:
        """GET cachedImages."""
        self._location(call)
        return Answer(status=200, body={"value": list(_CACHED_IMAGES)})

    async def operations(self, call: Call) -> Answer:
        """GET the provider's operations."""
        del call
        return Answer(status=200, body={"value": [_described(verb) for verb in _VERBS]})


def _described(verb: str) -> dict[str, Any]:
    display = {
        "provider": "Microsoft Container Instance",
        "resource": "Container Group",
        "operation": verb,
    }
    return {"name": f"{NAMESPACE}/containerGroups/{verb}", "display": display, "origin": "User"}
