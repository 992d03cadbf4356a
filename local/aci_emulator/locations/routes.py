"""Paths of locations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.locations.handlers import LocationHandlers

_AT = "/subscriptions/{subscription}/providers/Microsoft.ContainerInstance/locations/{location}"


def routes(handlers: LocationHandlers) -> list[Route]:
    """Return the routes of locations."""
    table = [
        (f"{_AT}/usages", "Location_ListUsage", handlers.usages),
        (f"{_AT}/capabilities", "Location_ListCapabilities", handlers.capabilities),
        (f"{_AT}/cachedImages", "Location_ListCachedImages", handlers.cached_images),
        (
            "/providers/Microsoft.ContainerInstance/operations",
            "Operations_List",
            handlers.operations,
        ),
    ]
    return [
        Route(method="GET", path=path, operation=operation, handler=handler)
        for path, operation, handler in table
    ]
