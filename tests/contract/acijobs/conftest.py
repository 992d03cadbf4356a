from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from acijobs.aci.container_groups import AciContainerGroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aci_emulator.in_process import InProcessEmulator


@pytest.fixture
def connect(
    aci_emulator: InProcessEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AciContainerGroups]]:
    """Makes clients of the emulator, over HTTPS and with its own identity endpoint's tokens."""
    env = aci_emulator.env
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as open_now:

        def connect(resource_group: str = env["RESOURCE_GROUP"]) -> AciContainerGroups:
            groups = AciContainerGroups(
                lambda: open_now.enter_context(ManagedIdentityCredential()),
                subscription_id=env["AZURE_SUBSCRIPTION_ID"],
                resource_group=resource_group,
                location=env["LOCATION"],
                arm_endpoint=env["ARM_ENDPOINT"],
                arm_scope=env["ARM_SCOPE"],
            )
            open_now.callback(_close, groups)
            return groups

        yield connect


@pytest.fixture
def groups(connect: Callable[..., AciContainerGroups]) -> AciContainerGroups:
    """The container groups of the emulator's resource group."""
    return connect()


def _close(groups: AciContainerGroups) -> None:
    groups._client.close()  # the one it has in the end: a 401 made it take another
