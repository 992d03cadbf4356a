"""A container that keeps failing is started ever more rarely, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.settings import Delays
from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator.settings import Settings
    from aci_emulator_targets import EmulatorTarget

_RG = "acijobs"


@pytest.fixture
def aci_emulator_settings(aci_emulator_settings: Settings) -> Settings:
    """The recorded back-off, no other delay."""
    delays = Delays(
        accept_s=0, pull_s=0, start_s=0, lag_s=0, delete_s=0, backoff_s=10, backoff_limit_s=300
    )
    return aci_emulator_settings.changed(delays=delays)


def test_the_delay_doubles_and_the_state_is_crash_loop_back_off(emulated: EmulatorTarget) -> None:
    """Twice at once, then after 10 s, 20 s, 40 s: Waiting, the previous state Terminated."""
    groups: Any = emulated.client.container_groups
    failing = container(command=["script", "run_s=1", "exit_code=5"])
    groups.begin_create_or_update(
        _RG, "job", group_of(failing, restart_policy="OnFailure"), polling_interval=0
    ).result()
    emulated.pass_time(2.5)
    view = groups.get(_RG, "job").containers[0].instance_view
    assert (view.restart_count, view.current_state.state) == (2, "Running")
    assert "BackOff" not in [event.name for event in view.events]
    emulated.pass_time(1)
    view = groups.get(_RG, "job").containers[0].instance_view
    assert view.current_state.state == "Waiting"
    assert view.current_state.detail_status == "CrashLoopBackOff: Back-off restarting failed"
    assert (view.previous_state.state, view.previous_state.exit_code) == ("Terminated", 5)
    starts = []
    for _ in range(3):
        emulated.pass_time(25)
        view = groups.get(_RG, "job").containers[0].instance_view
        starts.append(view.restart_count)
    assert starts == [3, 4, 5]
    back_off = next(event for event in view.events if event.name == "BackOff")
    assert (back_off.type, back_off.count) == ("Warning", 4)
    assert groups.get(_RG, "job").instance_view.state == "Running"
