"""The rights that the templates give are those that the app's calls need: each one, and no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aci_emulator.groups.routes import routes as group_routes
from aci_emulator.locations import LocationHandlers
from acijobs.aci.client import AciContainerGroups
from acijobs.domain.spec.job import parse
from infra_templates import resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.in_process import InProcessEmulator

JOB = parse({"image": "alpine:3.20"})
CALLS: dict[str, Callable[[AciContainerGroups], object]] = {
    "create": lambda groups: groups.create("job-1", JOB, {}, location="eastus"),
    "get": lambda groups: groups.get("job-1"),
    "listed": lambda groups: groups.listed(),
    "read_log": lambda groups: groups.read_log("job-1", "job"),
    "stop": lambda groups: groups.stop("job-1"),
    "delete": lambda groups: groups.delete("job-1"),
    "usages": lambda groups: groups.usages("eastus"),
    "capabilities": lambda groups: groups.capabilities("eastus"),
}
"""Every call of the one module that knows the management SDK, in an order in which they work."""

VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


def action(method: str, path: str) -> str:
    """Return the action that Azure Resource Manager asks a right for: the types in the path, a verb.

    Source: learn.microsoft.com/azure/role-based-access-control/resource-provider-operations.
    """
    provider, *segments = path.rpartition("/providers/")[2].split("/")
    types = [one for one in segments if not one.startswith("{")]
    return "/".join([provider, *types, VERBS[method]])


def actions_of_operations(emulator: InProcessEmulator) -> dict[str, str]:
    """Return the action of each operation that the emulator knows."""
    service = emulator.emulator.service
    known = [
        *group_routes(service._group_handlers()),
        *LocationHandlers(service.subscription, service.groups.quota).routes(),
    ]
    return {one.operation: action(one.method, one.path) for one in known}


def granted(name: str, scope: str) -> set[str]:
    """Return the actions of container groups that our own roles allow at scopes like this one."""
    roles = resources(name, "Microsoft.Authorization/roleDefinitions")
    return {
        one
        for role in roles
        if all(re.fullmatch(scope, place) for place in role["properties"]["assignableScopes"])
        for permission in role["properties"]["permissions"]
        for one in permission["actions"]
    }


def test_every_call_of_the_client_is_known_here() -> None:
    """A new one must be tried below."""
    assert set(CALLS) == {name for name in vars(AciContainerGroups) if not name.startswith("_")}


def test_each_action_is_a_call_and_each_call_an_action(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """As the emulator's log of requests tells, of every call that the app can make."""
    aci_emulator.admin.reset_requests()
    for call in CALLS.values():
        call(groups)
        aci_emulator.admin.advance(5)
    asked = aci_emulator.admin.requests()["operations"]
    known = actions_of_operations(aci_emulator)
    needed = {known[operation] for operation in asked}
    in_the_group = granted("flex", r"/subscriptions/[^/]+/resourceGroups/rg-sample-jobs")
    in_the_subscription = granted("chosen", r"/subscriptions/[^/]+")
    assert in_the_group | in_the_subscription == needed
    assert in_the_group & in_the_subscription == set()
    assert {one for one in needed if "/locations/" in one} == in_the_subscription


def test_each_further_resource_group_gets_the_same_rights() -> None:
    """And each subscription the same reads, where they are wanted at all."""
    own = granted("scopes", r"/subscriptions/0[-0]+/resourceGroups/rg-sample-jobs")
    assert own
    for place in ("0[-0]+/resourceGroups/batch-more", "1[-1]+/resourceGroups/batch-a"):
        assert granted("scopes", f"/subscriptions/{place}") == own
    reads = [granted("scopes", f"/subscriptions/{one}") for one in ("0[-0]+", "1[-1]+")]
    assert reads == [granted("chosen", r"/subscriptions/[^/]+")] * 2


def test_what_is_not_asked_for_is_granted_nowhere_by_default() -> None:
    """No rights on the whole subscription, and none to run commands in containers."""
    assert granted("flex", r"/subscriptions/[^/]+") == set()
    every = granted("chosen", ".*")
    assert [one for one in every if "exec" in one or "attach" in one or "restart" in one] == []
    assert granted("chosen", ".*/resourceGroups/networks") == {
        "Microsoft.Network/virtualNetworks/subnets/join/action"
    }
