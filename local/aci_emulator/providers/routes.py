"""Paths of resource providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.providers.handlers import ProviderHandlers

_PATH = "/subscriptions/{subscription}/providers/{namespace}"


def routes(handlers: ProviderHandlers) -> list[Route]:
    """Return the routes of providers."""
    return [
        Route(method="GET", path=_PATH, operation="Providers_Get", handler=handlers.get),
        Route(
            method="POST",
            path=f"{_PATH}/register",
            operation="Providers_Register",
            handler=handlers.register,
        ),
    ]
