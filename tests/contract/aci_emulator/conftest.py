from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from aci_emulator_raw import RawClient
from aci_emulator_targets import AzureTarget, EmulatorTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aci_emulator.in_process import InProcessEmulator


@pytest.fixture
def sdk_environment(aci_emulator: InProcessEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment a client needs, exactly as the emulator prints it."""
    for name, value in aci_emulator.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def emulated(aci_emulator: InProcessEmulator, sdk_environment: None) -> Iterator[EmulatorTarget]:
    """The emulator behind an SDK client that does not retry, so that each fault is seen."""
    target = EmulatorTarget(aci_emulator, retry_total=0, retry_status=0, retry_connect=0)
    yield target
    target.close()


@pytest.fixture(params=["emulator", pytest.param("azure", marks=pytest.mark.azure)])
def target(request: pytest.FixtureRequest) -> Iterator[EmulatorTarget | AzureTarget]:
    """Where the contract holds: the emulator, and Azure for who opts in."""
    if request.param == "azure":
        if os.environ.get("ACIJOBS_AZURE_TESTS") != "1":
            pytest.skip("set ACIJOBS_AZURE_TESTS=1 to run against a real subscription")
        azure = AzureTarget()
        yield azure
        azure.close()
    else:
        request.getfixturevalue("sdk_environment")
        emulator = EmulatorTarget(request.getfixturevalue("aci_emulator"))
        yield emulator
        emulator.close()


@pytest.fixture
def raw(aci_emulator: InProcessEmulator) -> Iterator[RawClient]:
    """A connection for requests the SDK would not send."""
    client = RawClient(aci_emulator.env)
    yield client
    client.close()
