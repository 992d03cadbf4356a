"""The SDK registers the provider by itself when the subscription is not registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.mgmt import containerinstance

from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator_targets import EmulatorTarget


def test_the_sdk_registers_and_tries_again(
    emulated: EmulatorTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 MissingSubscriptionRegistration, POST register, GET until Registered, and PUT again."""
    if containerinstance.__version__.startswith("10.2."):
        pytest.skip(
            "this SDK streams the answer to PUT, and its registration policy cannot read it"
        )
    # The policy sleeps ten seconds before it asks; the emulator registers at once.
    monkeypatch.setattr("azure.mgmt.core.policies._base.time.sleep", lambda _: None)
    admin = emulated.emulator.admin
    admin.remove_registration()
    emulated.client.container_groups.begin_create_or_update(
        "acijobs", "job", group_of(container(command=["script", "run_s=5"])), polling=False
    )
    assert [group["name"] for group in admin.groups()] == ["job"]
    counts = admin.requests()["operations"]
    assert counts["ContainerGroups_CreateOrUpdate"] == 2
    assert counts["Providers_Register"] == 1
