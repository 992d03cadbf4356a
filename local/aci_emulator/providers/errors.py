"""What is refused about resource providers."""

from __future__ import annotations

from aci_emulator.errors import ArmError

NAMESPACE = "Microsoft.ContainerInstance"


def unknown_namespace(namespace: str) -> ArmError:
    """Another provider than the emulated one."""
    return ArmError(
        status=404,
        code="InvalidResourceNamespace",
        message=f"The resource namespace '{namespace[:100]}' is invalid.",
    )
