"""Paths of the identity endpoint, on the control port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.identity.handlers import IdentityHandlers


def routes(handlers: IdentityHandlers) -> list[Route]:
    """Return the identity endpoint's routes."""
    return [
        Route(method="GET", path="/msi/token", operation="Identity_Token", handler=handlers.token)
    ]
