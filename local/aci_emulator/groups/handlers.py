"""Handlers of container groups: decode, one call, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aci_emulator import errors as arm
from aci_emulator.groups import errors
from aci_emulator.groups.paging import key_of, skip_token
from aci_emulator.groups.request import parse_group, parse_tags
from aci_emulator.groups.troubles import troubles_of
from aci_emulator.groups.views import group_view
from aci_emulator.routing import Answer, Call

if TYPE_CHECKING:
    from aci_emulator.groups.admission import Admission
    from aci_emulator.groups.changes import ContainerGroups
    from aci_emulator.groups.state import Group
    from aci_emulator.groups.table import Entry
    from aci_emulator.groups.troubles import TroubleMaker
    from aci_emulator.operations import Operation
    from aci_emulator.subscription import Subscription
    from aci_emulator.throttling import Throttle

_NO_CONTENT = 204
_START_ANSWERS_204_UNTIL = "2020-11-01"  # recorded
_LONGEST_TAIL = len("999999999")


class GroupHandlers:
    """Container groups of the configured resource groups."""

    def __init__(
        self,
        subscription: Subscription,
        groups: ContainerGroups,
        *,
        admission: Admission,
        throttle: Throttle,
        troubles: TroubleMaker,
    ) -> None:
        self._subscription = subscription
        self._groups = groups
        self._admission = admission
        self._throttle = throttle
        self._troubles = troubles

    async def create_or_update(self, call: Call) -> Answer:
        """PUT: 201 for a new group, 200 for a change, both with `Azure-AsyncOperation`."""
        resource_group = self._resource_group(call)
        self._subscription.check_registered()
        spec = parse_group(
            call.params["name"], call.payload, locations=self._subscription.locations
        )
        headers = self._admission.admit(spec)
        is_new = self._groups.find(resource_group, spec.name) is None
        rules = self._admission.faults_of_new(spec) if is_new else []
        group, operation, created = await self._groups.put(resource_group, spec, troubles_of(rules))
        self._troubles.befall(self._groups.get(resource_group, spec.name), rules)
        headers |= self._tracking(call, operation)
        return Answer(status=201 if created else 200, body=self._view(group, call), headers=headers)

    def _resource_group(self, call: Call) -> str:
        return self._subscription.resource_group(call.params["resourceGroup"])

    def _entry(self, call: Call) -> Entry:
        return self._groups.get(self._resource_group(call), call.params["name"])

    def _tracking(self, call: Call, operation: Operation) -> dict[str, str]:
        return {"Azure-AsyncOperation": operation.url(call.base_url, self._subscription.id)}

    def _view(self, group: Group, call: Call, *, instances: bool = True) -> Any:
        return group_view(
            group,
            subscription=self._subscription.id,
            state=self._groups.state_of(group),
            api_version=call.query.get("api-version", ""),
            instances=instances,
        )

    async def get(self, call: Call) -> Answer:
        """GET: the group with its instanceView."""
        return Answer(status=200, body=self._view(self._entry(call).group, call))

    async def update(self, call: Call) -> Answer:
        """PATCH: the tags."""
        group = self._entry(call).group
        tags = parse_tags(call.payload)
        if tags is not None:
            group.retag(tags)
        return Answer(status=200, body=self._view(group, call))

    async def delete(self, call: Call) -> Answer:
        """DELETE: 200 with the group as it was, once it is gone; 204 when there was none."""
        resource_group = self._resource_group(call)
        headers = self._throttle.pass_provider("DELETE")
        entry = self._groups.find(resource_group, call.params["name"])
        if entry is None:
            return Answer(status=_NO_CONTENT, headers=headers)
        before = self._view(entry.group, call)
        await self._groups.delete(entry)
        return Answer(status=200, body=before, headers=headers)

    async def list_all(self, call: Call) -> Answer:
        """GET of the subscription's groups, a page of them."""
        return self._page(call, None)

    async def list_in_group(self, call: Call) -> Answer:
        """GET of a resource group's groups, a page of them."""
        return self._page(call, self._resource_group(call))

    def _page(self, call: Call, resource_group: str | None) -> Answer:
        """Answer with the groups after the one the skip token names, in order of their ids."""
        token = call.query.get("$skiptoken")
        after = None if token is None else key_of(token)
        groups, more = self._groups.page(resource_group, after=after)
        body: dict[str, Any] = {"value": [self._view(g, call, instances=False) for g in groups]}
        if more:
            version = call.query.get("api-version", "")
            link = f"{call.base_url}{call.path}?api-version={version}"
            body["nextLink"] = f"{link}&%24skiptoken={skip_token(groups[-1].key)}"
        return Answer(status=200, body=body)

    async def start(self, call: Call) -> Answer:
        """POST /start: 202 (204 in old api-versions), or 204 when it runs already."""
        operation = self._groups.start(self._entry(call))
        if operation is None:
            return Answer(status=_NO_CONTENT)
        older = call.query.get("api-version", "") <= _START_ANSWERS_204_UNTIL
        return Answer(status=204 if older else 202, headers=self._tracking(call, operation))

    async def stop(self, call: Call) -> Answer:
        """POST /stop: 204 once the containers have ended."""
        await self._groups.stop(self._entry(call))
        return Answer(status=_NO_CONTENT)

    async def restart(self, call: Call) -> Answer:
        """POST /restart: 204 with `Azure-AsyncOperation`."""
        operation = self._groups.restart(self._entry(call))
        return Answer(status=_NO_CONTENT, headers=self._tracking(call, operation))

    async def list_logs(self, call: Call) -> Answer:
        """GET logs: the newest `tail` lines of what the service keeps, with times if asked."""
        content = self._groups.read_log(
            self._entry(call),
            call.params["container"],
            tail=_tail(call.query.get("tail")),
            timestamps=call.query.get("timestamps", "").lower() == "true",
        )
        return Answer(status=200, body={"content": content})

    async def unsupported(self, call: Call) -> Answer:
        """Whatever Azure has and the emulator has not: a loud refusal."""
        raise arm.unsupported(f"The operation '{call.operation}'")


def _tail(text: str | None) -> int | None:
    if text is None:
        return None
    # isdecimal alone would take other scripts' digits; int alone would take '1_000' and ' 7'.
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_TAIL:
        raise errors.invalid_tail(text)
    return int(text)
