"""Handlers of container groups: decode, one call, encode."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from aci_emulator import errors as arm
from aci_emulator.groups import errors
from aci_emulator.groups.images import check_image
from aci_emulator.groups.request import image_references, parse_group, parse_tags
from aci_emulator.groups.troubles import troubles_of
from aci_emulator.groups.views import group_view
from aci_emulator.operations.handlers import operation_url
from aci_emulator.routing import Answer, Call

if TYPE_CHECKING:
    from aci_emulator.context import Context
    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.groups.state import Group
    from aci_emulator.operations.state import Operation

_NO_CONTENT = 204
_LONGEST_TAIL = len("999999999")


class GroupHandlers:
    """Container groups of the configured resource groups."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._groups = context.groups

    async def create_or_update(self, call: Call) -> Answer:
        """PUT: 201 for a new group, 200 for a change, both with `Azure-AsyncOperation`."""
        context = self._context
        resource_group = context.resource_group(call.params["resourceGroup"])
        context.registration.check()
        spec = parse_group(call.params["name"], call.payload, locations=context.settings.locations)
        self._check_supported(spec)
        headers = context.throttle.pass_provider("PUT")
        for image in image_references(spec):
            check_image(image, spec.name, context.settings.images)
        is_new = self._groups.find(resource_group, spec.name) is None
        rules = context.faults.for_creation(spec.name) if is_new else []
        if any(rule.kind == "capacity" for rule in rules):
            raise errors.no_capacity(spec.location, spec.cores, spec.memory_gb, spec.os_type)
        group, operation, created = await self._groups.put(resource_group, spec, troubles_of(rules))
        for rule in rules:
            context.troubles.begin(self._groups.get(resource_group, spec.name), rule)
        headers |= self._tracking(call, operation)
        return Answer(status=201 if created else 200, body=self._view(group, call), headers=headers)

    def _check_supported(self, spec: GroupSpec) -> None:
        """Refuse volumes that no runtime but the scripted one can pretend to have."""
        if spec.unsupported_volumes and self._groups.runtime_name != "scripted":
            raise arm.unsupported("A volume of kind 'azureFile' or 'gitRepo'")

    def _tracking(self, call: Call, operation: Operation) -> dict[str, str]:
        subscription = self._context.settings.subscription_id
        return {"Azure-AsyncOperation": operation_url(call.base_url, subscription, operation)}

    def _view(self, group: Group, call: Call, *, instances: bool = True) -> Any:
        return group_view(
            group,
            subscription=self._context.settings.subscription_id,
            state=self._groups.state_of(group),
            api_version=call.query.get("api-version", ""),
            instances=instances,
        )

    async def get(self, call: Call) -> Answer:
        """GET: the group with its instanceView."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        entry = self._groups.get(resource_group, call.params["name"])
        return Answer(status=200, body=self._view(entry.group, call))

    async def update(self, call: Call) -> Answer:
        """PATCH: the tags."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        tags = parse_tags(call.payload)
        group = self._groups.patch(resource_group, call.params["name"], tags)
        return Answer(status=200, body=self._view(group, call))

    async def delete(self, call: Call) -> Answer:
        """DELETE: 200 with the group as it was, once it is gone; 204 when there was none."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        headers = self._context.throttle.pass_provider("DELETE")
        entry = self._groups.find(resource_group, call.params["name"])
        if entry is None:
            return Answer(status=_NO_CONTENT, headers=headers)
        before = self._view(entry.group, call)
        await self._groups.delete(resource_group, call.params["name"])
        return Answer(status=200, body=before, headers=headers)

    async def list_all(self, call: Call) -> Answer:
        """GET of the subscription's groups, a page of them."""
        return self._page(call, None)

    async def list_by_resource_group(self, call: Call) -> Answer:
        """GET of a resource group's groups, a page of them."""
        return self._page(call, self._context.resource_group(call.params["resourceGroup"]))

    def _page(self, call: Call, resource_group: str | None) -> Answer:
        """Answer with the groups after the one the skip token names, in order of their ids."""
        after = _skip_token(call)
        size = self._context.settings.limits.page_size
        page = self._groups.page(resource_group, after=after, size=size + 1)
        body: dict[str, Any] = {
            "value": [self._view(g, call, instances=False) for g in page[:size]]
        }
        if len(page) > size:
            token = _encoded(self._groups.sort_key(page[size - 1]))
            version = call.query.get("api-version", "")
            link = f"{call.base_url}{call.path}?api-version={version}&%24skiptoken={token}"
            body["nextLink"] = link
        return Answer(status=200, body=body)

    async def start(self, call: Call) -> Answer:
        """POST /start: 202, or 204 when it runs already."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        operation = self._groups.start(resource_group, call.params["name"])
        if operation is None:
            return Answer(status=_NO_CONTENT)
        return Answer(status=202, headers=self._tracking(call, operation))

    async def stop(self, call: Call) -> Answer:
        """POST /stop: 204 once the containers have ended."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        await self._groups.stop(resource_group, call.params["name"])
        return Answer(status=_NO_CONTENT)

    async def restart(self, call: Call) -> Answer:
        """POST /restart: 204 with `Azure-AsyncOperation`."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        operation = self._groups.restart(resource_group, call.params["name"])
        return Answer(status=_NO_CONTENT, headers=self._tracking(call, operation))

    async def list_logs(self, call: Call) -> Answer:
        """GET logs: the newest `tail` lines of what the service keeps, with times if asked."""
        resource_group = self._context.resource_group(call.params["resourceGroup"])
        content = self._groups.read_log(
            resource_group,
            call.params["name"],
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


def _encoded(position: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode("/".join(position).encode()).decode().rstrip("=")


def _skip_token(call: Call) -> tuple[str, str] | None:
    token = call.query.get("$skiptoken")
    if token is None:
        return None
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        raise arm.bad_request("The '$skipToken' is invalid.") from None
    head, slash, tail = decoded.partition("/")
    if not slash:
        raise arm.bad_request("The '$skipToken' is invalid.")
    return head, tail
