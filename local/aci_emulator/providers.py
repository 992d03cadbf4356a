"""The provider's registration, as azure-mgmt-core uses it by itself on a 409."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator.arm_ids import NAMESPACE, PROVIDER_PATH, provider_id
from aci_emulator.errors import Refusal
from aci_emulator.routing import Answer, Call, Route

if TYPE_CHECKING:
    from aci_emulator.subscription import Subscription

_UNKNOWN_NAMESPACE = Refusal(
    "InvalidResourceNamespace", "The resource namespace '{namespace}' is invalid.", 404
)


class ProviderHandlers:
    """The one provider there is."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def routes(self) -> list[Route]:
        """Return the routes of providers."""
        return [
            Route("GET", PROVIDER_PATH, "Providers_Get", self.get, any_version=True),
            Route(
                "POST",
                f"{PROVIDER_PATH}/register",
                "Providers_Register",
                self.register,
                any_version=True,
            ),
        ]

    async def get(self, call: Call) -> Answer:
        """GET: the registration's state."""
        return Answer(status=200, body=self._view(call))

    async def register(self, call: Call) -> Answer:
        """POST /register: done at once."""
        body = self._view(call)
        self._subscription.registered = True
        return Answer(status=200, body={**body, "registrationState": "Registered"})

    def _view(self, call: Call) -> dict[str, Any]:
        namespace = call.params["namespace"]
        if namespace.lower() != NAMESPACE.lower():
            raise _UNKNOWN_NAMESPACE(namespace)
        subscription = self._subscription
        types = [{"resourceType": "containerGroups", "locations": list(subscription.locations)}]
        return {
            "id": provider_id(subscription.id),
            "namespace": NAMESPACE,
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": types,
            "registrationState": "Registered" if subscription.registered else "NotRegistered",
        }
