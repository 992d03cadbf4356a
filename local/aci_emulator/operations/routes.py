"""Paths of asynchronous operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.operations.handlers import OperationHandlers

_PATH = (
    "/subscriptions/{subscription}/providers/Microsoft.ContainerInstance"
    "/locations/{location}/operations/{operation}"
)


def routes(handlers: OperationHandlers) -> list[Route]:
    """Return the routes of operations."""
    return [Route(method="GET", path=_PATH, operation="Operations_Get", handler=handlers.get)]
