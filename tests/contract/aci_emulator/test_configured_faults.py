"""Faults from the configuration are in force from the first request on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError

from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator.settings import Settings
    from aci_emulator_targets import EmulatorTarget


@pytest.fixture
def aci_emulator_settings(aci_emulator_settings: Settings) -> Settings:
    """What a TOML file with one fault and one script gives."""
    return aci_emulator_settings.changed(
        faults=({"kind": "respond", "operation": "*_CreateOrUpdate", "nth": 1, "status": 503},),
        scripts=({"image": "seven*", "run_s": 1, "exit_code": 7},),
    )


def test_the_first_create_fails_and_the_script_is_followed(emulated: EmulatorTarget) -> None:
    """The rule strikes once; the container ends as the configured script says."""
    groups: Any = emulated.client.container_groups
    spec = group_of(container(image="seven:1"))
    with pytest.raises(HttpResponseError) as refused:
        groups.begin_create_or_update("acijobs", "job", spec, polling=False)
    assert refused.value.status_code == 503
    groups.begin_create_or_update("acijobs", "job", spec, polling=False)
    emulated.pass_time(2)
    view = groups.get("acijobs", "job").containers[0].instance_view
    assert view.current_state.exit_code == 7
