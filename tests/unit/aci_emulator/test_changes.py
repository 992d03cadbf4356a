"""Changes to groups with a runtime that fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aci_emulator.clock import VirtualClock
from aci_emulator.groups.changes import ContainerGroups
from aci_emulator.groups.container_runs import Around
from aci_emulator.groups.spec import ContainerSpec, GroupSpec
from aci_emulator.operations import Operations
from aci_emulator.runtimes.scripted import ScriptedRuntime
from aci_emulator.settings import DELAYS, NO_LIMITS

if TYPE_CHECKING:
    from aci_emulator.runtimes.contract import RegistryCredential

_SPEC = GroupSpec(
    name="g",
    location="eastus",
    os_type="Linux",
    restart_policy="Never",
    containers=(ContainerSpec(name="main", image="alpine", command=("script", "run_s=forever")),),
)


class _Stubborn(ScriptedRuntime):
    """Cannot remove a group at the first try, and pulls for ever when told to."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.failures_left = 0
        self.pulls_hang = False

    async def remove_group(self, key: str) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionError("the engine does not answer")
        await super().remove_group(key)

    async def pull(self, image: str, credentials: tuple[RegistryCredential, ...]) -> str:
        if self.pulls_hang:
            await asyncio.Event().wait()
        return await super().pull(image, credentials)


class _Service:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.runtime = _Stubborn(self.clock)
        around = Around(
            runtime=self.runtime,
            clock=self.clock,
            delays=DELAYS["instant"],
            provisioning_timeout_s=1800,
        )
        self.groups = ContainerGroups(around, Operations(), NO_LIMITS)


async def test_a_delete_that_failed_can_be_tried_again() -> None:
    """The group stays, shown as Failed, until the runtime could remove it."""
    service = _Service()
    await service.groups.put("rg", _SPEC)
    await service.clock.advance(1)
    service.runtime.failures_left = 1
    with pytest.raises(ConnectionError):
        await service.groups.delete(service.groups.get("rg", "g"))
    assert service.groups.get("rg", "g").group.provisioning == "Failed"
    await service.groups.delete(service.groups.get("rg", "g"))
    assert len(service.groups) == 0
    assert service.runtime.running_count == 0


async def test_an_update_that_cannot_take_the_old_run_down_fails() -> None:
    """The operation says so; the group is Failed, not Pending for ever, and can be deleted."""
    service = _Service()
    await service.groups.put("rg", _SPEC)
    await service.clock.advance(1)
    service.runtime.failures_left = 1
    changed = replace(_SPEC, containers=(replace(_SPEC.containers[0], image="alpine:2"),))
    _, operation, created = await service.groups.put("rg", changed)
    await service.clock.advance(1)
    assert not created
    shown = operation.view("s")
    assert (shown["status"], shown["error"]["code"]) == ("Failed", "InternalServerError")
    assert service.groups.get("rg", "g").group.provisioning == "Failed"
    await service.groups.delete(service.groups.get("rg", "g"))
    assert service.runtime.running_count == 0


async def test_a_group_can_be_deleted_while_its_image_is_pulled() -> None:
    """A pull that hangs is given up with the group."""
    service = _Service()
    service.runtime.pulls_hang = True
    await service.groups.put("rg", _SPEC)
    await service.clock.advance(1)
    await asyncio.wait_for(service.groups.delete(service.groups.get("rg", "g")), 60)
    assert service.runtime.started_total == 0


async def test_a_client_that_goes_away_does_not_undo_its_delete() -> None:
    """Cancelling the request leaves the deletion to end by itself."""
    service = _Service()
    await service.groups.put("rg", _SPEC)
    await service.clock.advance(1)
    request = asyncio.create_task(service.groups.delete(service.groups.get("rg", "g")))
    await asyncio.sleep(0)
    request.cancel()
    await service.clock.advance(1)
    assert len(service.groups) == 0


async def test_two_deletes_at_once_are_one() -> None:
    """Both return when the group is gone."""
    service = _Service()
    await service.groups.put("rg", _SPEC)
    await service.clock.advance(1)
    await asyncio.gather(
        service.groups.delete(service.groups.get("rg", "g")),
        service.groups.delete(service.groups.get("rg", "g")),
    )
    assert len(service.groups) == 0


async def test_closing_ends_every_container_of_a_thousand_groups() -> None:
    """Nothing runs after close, whatever state the groups were in."""
    service = _Service()
    for number in range(1000):
        spec = GroupSpec(
            name=f"g-{number}",
            location="eastus",
            os_type="Linux",
            restart_policy="Always",
            containers=_SPEC.containers,
        )
        await service.groups.put("rg", spec)
        if number == 500:
            await service.clock.advance(1)
    await service.clock.advance(0)
    assert service.runtime.running_count > 500
    await service.groups.close()
    assert service.runtime.running_count == 0
    assert len(asyncio.all_tasks()) == 1
