"""The SDK's asynchronous client, unmodified, does the same as the synchronous one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from aci_emulator_targets import async_client, container, group_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aci_emulator.in_process import InProcessEmulator

_RG = "acijobs"


@pytest.fixture
async def client(aci_emulator: InProcessEmulator, sdk_environment: None) -> AsyncIterator[Any]:
    """The asynchronous client."""
    made, credential = async_client(aci_emulator)
    async with credential, made:
        yield made


async def test_a_group_lives_its_life_through_the_async_client(
    client: Any, aci_emulator: InProcessEmulator
) -> None:
    """Create, get, list, logs, stop, start, restart and delete all work on the async client."""
    groups = client.container_groups
    spec = group_of(container(command=["script", "run_s=100", "lines=2"]))
    poller = await groups.begin_create_or_update(_RG, "job", spec, polling_interval=0)
    assert (await poller.result()).provisioning_state == "Succeeded"
    assert (await groups.get(_RG, "job")).instance_view.state == "Running"
    assert [g.name async for g in groups.list_by_resource_group(_RG)] == ["job"]
    assert [g.name async for g in groups.list()] == ["job"]
    logs = await client.containers.list_logs(_RG, "job", "main")
    assert logs.content == "line 1\n"
    await groups.stop(_RG, "job")
    assert (await groups.get(_RG, "job")).instance_view.state == "Stopped"
    await (await groups.begin_start(_RG, "job", polling_interval=0)).result()
    aci_emulator.admin.advance()
    assert (await groups.get(_RG, "job")).instance_view.state == "Running"
    await (await groups.begin_restart(_RG, "job", polling_interval=0)).result()
    aci_emulator.admin.advance()
    assert (await groups.get(_RG, "job")).instance_view.state == "Running"
    deleted = await (await groups.begin_delete(_RG, "job")).result()
    assert deleted.name == "job"
    with pytest.raises(ResourceNotFoundError):
        await groups.get(_RG, "job")
