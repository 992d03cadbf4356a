"""Handlers of the provider's registration, as azure-mgmt-core uses them by itself on a 409."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator.providers import errors
from aci_emulator.routing import Answer, Call

if TYPE_CHECKING:
    from aci_emulator.context import Context


class ProviderHandlers:
    """The one provider there is."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, call: Call) -> Answer:
        """GET: the registration's state."""
        return Answer(status=200, body=self._view(call))

    async def register(self, call: Call) -> Answer:
        """POST /register: done at once."""
        body = self._view(call)
        self._context.registration.register()
        return Answer(status=200, body={**body, "registrationState": "Registered"})

    def _view(self, call: Call) -> dict[str, Any]:
        namespace = call.params["namespace"]
        if namespace.lower() != errors.NAMESPACE.lower():
            raise errors.unknown_namespace(namespace)
        settings = self._context.settings
        path = f"/subscriptions/{settings.subscription_id}/providers/{errors.NAMESPACE}"
        registered = self._context.registration.registered
        return {
            "id": path,
            "namespace": errors.NAMESPACE,
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [
                {"resourceType": "containerGroups", "locations": list(settings.locations)}
            ],
            "registrationState": "Registered" if registered else "NotRegistered",
        }
