"""What is refused about operations."""

from __future__ import annotations

from aci_emulator.errors import ArmError


def not_found(operation_id: str, location: str) -> ArmError:
    """No such operation, or one of long ago."""
    return ArmError(
        status=404,
        code="OperationNotFound",
        message=f"The operation '{operation_id[:60]}' in location '{location[:60]}' was not found.",
    )
