"""The one subscription there is: its resource groups, its locations, its registration."""

from __future__ import annotations

from dataclasses import dataclass

from aci_emulator import errors


@dataclass(kw_only=True)
class Subscription:
    """A subscription.

    Attributes:
        resource_groups: The resource groups there are.
        locations: Where groups can be created.
        registered: Whether the namespace can be used.
    """

    id: str
    resource_groups: tuple[str, ...]
    locations: tuple[str, ...]
    registered: bool = True

    def check(self, subscription: str) -> None:
        """Accept the id a request names.

        Raises:
            ArmError: `SubscriptionNotFound`.
        """
        if subscription.lower() != self.id.lower():
            raise errors.subscription_not_found(subscription)

    def resource_group(self, name: str) -> str:
        """Return a resource group's name as configured.

        Raises:
            ArmError: `ResourceGroupNotFound`.
        """
        for known in self.resource_groups:
            if known.lower() == name.lower():
                return known
        raise errors.resource_group_not_found(name)

    def check_registered(self) -> None:
        """Let a request through to the provider.

        Raises:
            ArmError: `MissingSubscriptionRegistration`.
        """
        if not self.registered:
            raise errors.not_registered()
