"""Resource Manager's own resources: the cloud's endpoints, the subscription, its resource groups.

Command line clients ask for them before they ask for container groups.
Source: REST specification of Microsoft.Resources/subscriptions and resources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator import errors
from aci_emulator.arm_ids import RESOURCE_GROUP_PATH, SUBSCRIPTION_PATH, resource_group_id
from aci_emulator.identity.state import TENANT
from aci_emulator.routing import NO_CONTENT, Answer, Call, Handler, Route

if TYPE_CHECKING:
    from aci_emulator.subscription import Subscription

_SUBSCRIPTION_NAME = "ACI emulator"


class ResourceManagerHandlers:
    """What exists around container groups; none of it can be changed.

    Args:
        subscription: The one there is.
        audiences: What tokens are taken for.
    """

    def __init__(self, subscription: Subscription, audiences: tuple[str, ...]) -> None:
        self._subscription = subscription
        self._audiences = [f"{audience}/" for audience in audiences]

    def routes(self) -> list[Route]:
        """Return the routes of the cloud, its subscription and its resource groups."""
        groups, group = f"{SUBSCRIPTION_PATH}/resourceGroups", RESOURCE_GROUP_PATH
        return [
            Route(
                "GET",
                "/metadata/endpoints",
                "Metadata_ListEndpoints",
                self.endpoints,
                any_version=True,
                needs_token=False,
            ),
            _route("GET", "/tenants", "Tenants_List", self.tenants),
            _route("GET", "/subscriptions", "Subscriptions_List", self.subscriptions),
            _route("GET", SUBSCRIPTION_PATH, "Subscriptions_Get", self.subscription),
            _route("GET", groups, "ResourceGroups_List", self.resource_groups),
            _route("GET", group, "ResourceGroups_Get", self.resource_group),
            _route("HEAD", group, "ResourceGroups_CheckExistence", self.has_resource_group),
            _route("PUT", group, "ResourceGroups_CreateOrUpdate", self.unsupported),
            _route("DELETE", group, "ResourceGroups_Delete", self.unsupported),
        ]

    async def endpoints(self, call: Call) -> Answer:
        """GET /metadata/endpoints: all of them are here, so that no credential goes anywhere else."""
        version = call.query.get("api-version", "")
        described = _CLOUD_IN.get(version)
        if described is None:
            raise errors.api_version_unknown(version, ",".join(_CLOUD_IN))
        return Answer(status=200, body=described(f"{call.base_url}/", self._audiences))

    async def tenants(self, call: Call) -> Answer:
        """GET /tenants: the one that issues the tokens."""
        del call
        return _list({"id": f"/tenants/{TENANT}", "tenantId": TENANT})

    async def subscriptions(self, call: Call) -> Answer:
        """GET /subscriptions: the one there is."""
        del call
        return _list(self._view())

    async def subscription(self, call: Call) -> Answer:
        """GET the subscription."""
        del call
        return Answer(status=200, body=self._view())

    def _view(self) -> dict[str, Any]:
        subscription = self._subscription.id
        return {
            "id": SUBSCRIPTION_PATH.format(subscription=subscription),
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription,
            "tenantId": TENANT,
            "displayName": _SUBSCRIPTION_NAME,
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    async def resource_groups(self, call: Call) -> Answer:
        """GET the resource groups."""
        del call
        return _list(*(self._group_view(name) for name in self._subscription.resource_groups))

    async def resource_group(self, call: Call) -> Answer:
        """GET a resource group."""
        return Answer(status=200, body=self._group_view(self._known_group(call)))

    async def has_resource_group(self, call: Call) -> Answer:
        """HEAD of a resource group: 204 when it exists."""
        self._known_group(call)
        return NO_CONTENT

    def _known_group(self, call: Call) -> str:
        return self._subscription.resource_group(call.params["resourceGroup"])

    def _group_view(self, name: str) -> dict[str, Any]:
        return {
            "id": resource_group_id(self._subscription.id, name),
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self._subscription.locations[0],
            "properties": {"provisioningState": "Succeeded"},
        }

    async def unsupported(self, call: Call) -> Answer:
        """Refuse a change: which resource groups there are is a setting."""
        raise errors.unsupported(f"The operation '{call.operation}'")


def _route(method: str, path: str, operation: str, handler: Handler) -> Route:
    """Return a route that answers every api-version: its shape is the same in all of them."""
    return Route(method, path, operation, handler, any_version=True)


def _cloud_of_2015(here: str, audiences: list[str]) -> dict[str, Any]:
    return {
        "galleryEndpoint": here,
        "graphEndpoint": here,
        "portalEndpoint": here,
        "authentication": {"loginEndpoint": here, "audiences": audiences},
    }


def _cloud_of_2022(here: str, audiences: list[str]) -> dict[str, Any]:
    return {
        "name": "AciEmulator",
        "resourceManager": here,
        "authentication": {
            "loginEndpoint": here,
            "audiences": audiences,
            "tenant": TENANT,
            "identityProvider": "AAD",
        },
        "portal": here,
        "gallery": here,
        "graph": here,
        "graphAudience": here,
        "microsoftGraphResourceId": here,
        "suffixes": {},
    }


_CLOUD_IN = {"2015-01-01": _cloud_of_2015, "2022-09-01": _cloud_of_2022}


def _list(*entries: dict[str, Any]) -> Answer:
    count = {"type": "Total", "value": len(entries)}
    return Answer(status=200, body={"value": list(entries), "count": count})
