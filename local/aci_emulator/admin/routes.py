"""Paths of the admin API, on the control port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.routing import Route

if TYPE_CHECKING:
    from aci_emulator.admin.handlers import AdminHandlers


def routes(handlers: AdminHandlers) -> list[Route]:
    """Return the admin API's routes."""
    table = [
        ("GET", "/admin/health", handlers.health),
        ("GET", "/admin/requests", handlers.requests),
        ("DELETE", "/admin/requests", handlers.reset_requests),
        ("GET", "/admin/groups", handlers.groups),
        ("POST", "/admin/groups/{group}/{action}", handlers.act),
        ("GET", "/admin/faults", handlers.faults),
        ("POST", "/admin/faults", handlers.add_fault),
        ("DELETE", "/admin/faults", handlers.clear_faults),
        ("DELETE", "/admin/faults/{fault}", handlers.remove_fault),
        ("GET", "/admin/clock", handlers.clock),
        ("POST", "/admin/clock", handlers.set_clock),
        ("POST", "/admin/tokens/expire", handlers.expire_tokens),
        ("POST", "/admin/registration/remove", handlers.unregister),
        ("POST", "/admin/scripts", handlers.add_script),
    ]
    return [
        Route(method=method, path=path, operation=f"Admin {method} {path}", handler=handler)
        for method, path, handler in table
    ]
