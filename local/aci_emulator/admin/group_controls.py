"""The admin API's view of groups and of what was asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_emulator.admin.reading import (
    document,
    invalid,
    json_object,
    unknown_group,
    whole_number,
)
from aci_emulator.fault_rules import FaultRule
from aci_emulator.groups.troubles import ACTIONS
from aci_emulator.routing import NO_CONTENT, Answer, Call, Route

if TYPE_CHECKING:
    from aci_emulator.groups.changes import ContainerGroups
    from aci_emulator.groups.troubles import TroubleMaker
    from aci_emulator.request_log import RequestLog


class GroupControls:
    """Groups, what befalls them, and requests by group."""

    def __init__(
        self, groups: ContainerGroups, troubles: TroubleMaker, requests: RequestLog
    ) -> None:
        self._groups = groups
        self._troubles = troubles
        self._requests = requests

    def routes(self) -> list[Route]:
        """Return the routes of groups and requests."""
        return [
            Route("GET", "/admin/requests", "Admin_Requests", self.requests),
            Route("DELETE", "/admin/requests", "Admin_ResetRequests", self.reset_requests),
            Route("GET", "/admin/groups", "Admin_Groups", self.groups),
            Route("GET", "/admin/containers", "Admin_Containers", self.containers),
            Route("POST", "/admin/groups/{group}/{action}", "Admin_Befall", self.befall),
        ]

    async def requests(self, call: Call) -> Answer:
        """Answer with the counts; `?group=` for one group, `?recent=N` for the newest requests."""
        recent = whole_number(call.query.get("recent", "0"), "recent")
        summary = self._requests.summary(group=call.query.get("group"), recent=recent)
        summary["groupsCreated"] = self._groups.history.created_total
        return Answer(status=200, body=summary)

    async def reset_requests(self, call: Call) -> Answer:
        """Begin counting anew."""
        del call
        self._requests.reset()
        return NO_CONTENT

    async def groups(self, call: Call) -> Answer:
        """Answer with every live group."""
        del call
        groups = self._groups
        value = [
            {
                "name": group.name,
                "resourceGroup": group.resource_group,
                "provisioningState": group.provisioning,
                "state": groups.state_of(group),
                "createdAt": group.created_at.isoformat(),
                "tags": dict(group.spec.tags or {}),
            }
            for group in groups
        ]
        return Answer(
            status=200, body={"value": value, "createdTotal": groups.history.created_total}
        )

    async def containers(self, call: Call) -> Answer:
        """Answer with the containers of every group ever created, `?prefix=` of its name."""
        history = self._groups.history
        value = list(history.containers(call.query.get("prefix", "")))
        return Answer(status=200, body={"value": value, "createdTotal": history.created_total})

    async def befall(self, call: Call) -> Answer:
        """Let something befall a group now (or after `after_s`): platform_restart, evict, ...."""
        action = call.params["action"]
        if action not in ACTIONS:
            raise invalid(f"the action must be one of {', '.join(ACTIONS)}")
        entries = self._groups.named(call.params["group"])
        if not entries:
            raise unknown_group(call.params["group"])
        rule = document(FaultRule, {**json_object(call.payload), "kind": action})
        for entry in entries:
            self._troubles.befall(entry, [rule])
        return Answer(status=202)
