"""Asynchronous operations: what `Azure-AsyncOperation` tells while a change is under way.

Source: recorded operation bodies in tests/fixtures/aci_emulator.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aci_emulator.arm_ids import OPERATION_PATH, group_id, operation_path
from aci_emulator.errors import Refusal
from aci_emulator.routing import Answer, Call, Route
from aci_emulator.timestamps import precise_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aci_emulator.subscription import Subscription

_KEPT = 20_000
_API_VERSION = "2018-06-01"  # the service's own operations carry this one whatever was asked

_UNDER_WAY = ("Pending", "Creating", "Updating")
_NOT_FOUND = Refusal(
    "OperationNotFound",
    "The operation '{operation}' in location '{location}' was not found.",
    404,
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What an operation's group shows at one moment."""

    provisioning: str
    events: list[dict[str, Any]]


class Operation:
    """One change under way.

    Attributes:
        error: What is shown under `error` when it failed.
    """

    def __init__(
        self,
        *,
        group: str,
        resource_group: str,
        location: str,
        started_at: datetime,
        look: Callable[[], Look],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.group = group
        self.resource_group = resource_group
        self.location = location
        self.started_at = started_at
        self.error: dict[str, str] | None = None
        self._look = look
        self._ended_as: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or badly."""
        return self._ended_as is not None

    def succeed(self) -> None:
        """End well, unless it has ended already."""
        self._end("Succeeded")

    def fail(self, error: dict[str, str]) -> None:
        """End badly, unless it has ended already."""
        self._end("Failed", error)

    def cancel(self) -> None:
        """End because the group is gone, unless it has ended already."""
        error = {"code": "Canceled", "message": f"The container group '{self.group}' was deleted."}
        self._end("Canceled", error)

    def _end(self, status: str, error: dict[str, str] | None = None) -> None:
        if not self.is_over:
            self._ended_as, self.error = status, error
            last = self._look()
            self._look = lambda: last  # lets go of the group, which may long be deleted

    def url(self, base_url: str, subscription: str) -> str:
        """Return where a client asks how it goes."""
        path = operation_path(subscription, self.location, self.id)
        return f"{base_url}{path}?api-version={_API_VERSION}"

    def view(self, subscription: str) -> dict[str, Any]:
        """Return what a client is told; the events of an ended one do not change any more.

        Until it has ended its status is its group's: `Pending`, `Creating` or `Updating`.
        """
        now = self._look()
        under_way = now.provisioning if now.provisioning in _UNDER_WAY else _UNDER_WAY[0]
        shown: dict[str, Any] = {
            "id": group_id(subscription, self.resource_group, self.group),
            "status": self._ended_as or under_way,
            "startTime": precise_moment(self.started_at),
            "properties": {"events": now.events},
        }
        return shown if self.error is None else {**shown, "error": self.error}


class Operations:
    """Every operation, the oldest forgotten after 20,000."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Operation] = OrderedDict()

    def add(self, operation: Operation) -> Operation:
        """Keep an operation so that it can be asked for."""
        self._by_id[operation.id] = operation
        if len(self._by_id) > _KEPT:
            self._by_id.popitem(last=False)
        return operation

    def find(self, operation_id: str) -> Operation | None:
        """Return the operation of that id, or None."""
        return self._by_id.get(operation_id)


class OperationHandlers:
    """Operations of the subscription."""

    def __init__(self, subscription: Subscription, operations: Operations) -> None:
        self._subscription = subscription
        self._operations = operations

    def routes(self) -> list[Route]:
        """Return the routes of operations."""
        return [Route("GET", OPERATION_PATH, "Operations_Get", self.get)]

    async def get(self, call: Call) -> Answer:
        """GET: always 200; a failure is in the body."""
        operation = self._operations.find(call.params["operation"])
        if operation is None:
            raise _NOT_FOUND(call.params["operation"], call.params["location"])
        return Answer(status=200, body=operation.view(self._subscription.id))
