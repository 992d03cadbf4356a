"""Handlers of what a location offers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aci_emulator.groups.request import normal_location
from aci_emulator.locations import errors
from aci_emulator.locations.state import CACHED_IMAGES, capabilities
from aci_emulator.routing import Answer, Call

if TYPE_CHECKING:
    from aci_emulator.context import Context

_UNLIMITED = 2**31 - 1


class LocationHandlers:
    """The configured locations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def _location(self, call: Call) -> str:
        location = normal_location(call.params["location"])
        known = self._context.settings.locations
        if location not in known:
            raise errors.unknown(location, known)
        return location

    async def usages(self, call: Call) -> Answer:
        """GET usages: groups and cores in use, and their limits."""
        location = self._location(call)
        limits, groups = self._context.settings.limits, self._context.groups
        count = sum(1 for group in groups if group.spec.location == location)
        cores = groups.cores_in_use(location, spot=False)
        spot = groups.cores_in_use(location, spot=True)
        value = [
            self._usage(location, "ContainerGroups", "ContainerGroups", count, limits.groups),
            self._usage(location, "standardCores", "StandardCores", cores, limits.cores),
            self._usage(location, "standardSpotCores", "StandardSpotCores", spot, limits.cores),
        ]
        return Answer(status=200, body={"value": value})

    def _usage(
        self, location: str, identity: str, name: str, used: float, limit: float | None
    ) -> dict[str, Any]:
        subscription = self._context.settings.subscription_id
        return {
            "id": f"/subscriptions/{subscription}/providers/Microsoft.ContainerInstance"
            f"/locations/{location}/usages/{identity}",
            "unit": "Count",
            "currentValue": int(used),
            "limit": _UNLIMITED if limit is None else int(limit),
            "name": {"value": name, "localizedValue": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)},
        }

    async def capabilities(self, call: Call) -> Answer:
        """GET capabilities."""
        return Answer(status=200, body={"value": capabilities(self._location(call))})

    async def cached_images(self, call: Call) -> Answer:
        """GET cachedImages."""
        self._location(call)
        return Answer(status=200, body={"value": list(CACHED_IMAGES)})

    async def operations(self, call: Call) -> Answer:
        """GET the provider's operations."""
        del call
        verbs = ("read", "write", "delete", "start/action", "stop/action", "restart/action")
        value = [
            {
                "name": f"Microsoft.ContainerInstance/containerGroups/{verb}",
                "display": {
                    "provider": "Microsoft Container Instance",
                    "resource": "Container Group",
                    "operation": verb,
                },
                "origin": "User",
            }
            for verb in verbs
        ]
        return Answer(status=200, body={"value": value})
