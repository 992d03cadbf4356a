"""What is refused about locations."""

from __future__ import annotations

from aci_emulator.errors import ArmError


def unknown(location: str, known: tuple[str, ...]) -> ArmError:
    """A location the emulator does not have."""
    return ArmError(
        status=400,
        code="NoRegisteredProviderFound",
        message=f"No registered resource provider found for location '{location[:60]}'. "
        f"The supported locations are '{','.join(known)}'.",
    )
