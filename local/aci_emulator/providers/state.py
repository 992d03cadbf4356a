"""Whether the subscription is registered for Microsoft.ContainerInstance."""

from __future__ import annotations

from aci_emulator import errors


class Registration:
    """The registration of the namespace."""

    def __init__(self, *, registered: bool) -> None:
        self.registered = registered

    def register(self) -> None:
        """The namespace can be used from now on."""
        self.registered = True

    def unregister(self) -> None:
        """The namespace cannot be used from now on."""
        self.registered = False

    def check(self) -> None:
        """Let a request through to the provider.

        Raises:
            ArmError: `MissingSubscriptionRegistration`.
        """
        if not self.registered:
            raise errors.not_registered()
