"""What the admin API refuses, in the same shape as ARM."""

from __future__ import annotations

from aci_emulator.errors import ArmError


def invalid(message: str) -> ArmError:
    """The request makes no sense; the text says why."""
    return ArmError(status=400, code="InvalidAdminRequest", message=message)


def unknown_group(name: str) -> ArmError:
    """No group of that name."""
    return ArmError(status=404, code="GroupNotFound", message=f"There is no group '{name[:63]}'.")


def unknown_fault(rule_id: str) -> ArmError:
    """No rule of that id."""
    return ArmError(
        status=404, code="FaultNotFound", message=f"There is no fault rule '{rule_id[:63]}'."
    )
