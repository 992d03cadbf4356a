"""Handlers of asynchronous operations.

Source: recorded operation bodies in tests/fixtures/aci_emulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aci_emulator.groups.views import group_id, moment
from aci_emulator.operations import errors
from aci_emulator.routing import Answer, Call

if TYPE_CHECKING:
    from aci_emulator.context import Context
    from aci_emulator.operations.state import Operation

_API_VERSION = "2018-06-01"  # the service's own operations carry this one whatever was asked


def operation_url(base_url: str, subscription: str, operation: Operation) -> str:
    """Return where a client asks how an operation goes."""
    return (
        f"{base_url}/subscriptions/{subscription}/providers/Microsoft.ContainerInstance"
        f"/locations/{quote(operation.location)}/operations/{operation.id}"
        f"?api-version={_API_VERSION}"
    )


class OperationHandlers:
    """Operations of the subscription."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, call: Call) -> Answer:
        """GET: always 200; a failure is in the body."""
        operation = self._context.operations.find(call.params["operation"])
        if operation is None:
            raise errors.not_found(call.params["operation"], call.params["location"])
        subscription = self._context.settings.subscription_id
        body: dict[str, Any] = {
            "id": group_id(subscription, operation.resource_group, operation.group),
            "status": operation.status,
            "startTime": moment(operation.started_at),
            "properties": {"events": operation.events()},
        }
        if operation.error is not None:
            body["error"] = operation.error
        return Answer(status=200, body=body)
