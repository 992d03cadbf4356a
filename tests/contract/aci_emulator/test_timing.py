"""States lag and steps take time, as recorded, in the emulator's own time."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.settings import DELAYS, NO_LIMITS
from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator.settings import Settings
    from aci_emulator_raw import RawClient, Reply
    from aci_emulator_targets import EmulatorTarget

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "aci_emulator"
_RG = "acijobs"


@pytest.fixture
def aci_emulator_settings(aci_emulator_settings: Settings) -> Settings:
    """The profile `realistic`; deletes answer at once, since nobody would advance the clock then."""
    delays = DELAYS["realistic"].changed(delete_s=0)
    return aci_emulator_settings.changed(delays=delays, limits=NO_LIMITS)


@pytest.fixture
def groups(emulated: EmulatorTarget) -> Any:
    return emulated.client.container_groups


def _create(groups: Any, **words: Any) -> None:
    command = ["script", *(f"{key}={value}" for key, value in words.items())]
    spec = group_of(container(command=command))
    groups.begin_create_or_update(_RG, "job", spec, polling=False)


def test_a_create_takes_as_long_as_the_recorded_one(groups: Any, emulated: EmulatorTarget) -> None:
    """Pulling, Pulled and Started come when they came in the recording, to the second."""
    recorded = json.loads((_FIXTURES / "operation_succeeded.json").read_text(encoding="utf-8"))
    begun = datetime.fromisoformat(recorded["body"]["startTime"][:19] + "+00:00")
    wanted = {
        event["name"]: (datetime.fromisoformat(event["firstTimestamp"]) - begun).total_seconds()
        for event in recorded["body"]["properties"]["events"]
    }
    assert wanted == {"Pulling": 4, "Pulled": 9, "Started": 18}
    sent = emulated.emulator.emulator.clock.now().replace(microsecond=0)
    _create(groups, run_s=100)
    emulated.pass_time(30)
    events = groups.get(_RG, "job").containers[0].instance_view.events
    seen = {event.name: (event.first_timestamp - sent).total_seconds() for event in events}
    assert seen == pytest.approx(wanted, abs=1)


def test_provisioning_goes_through_its_states(groups: Any, emulated: EmulatorTarget) -> None:
    """Pending, then Creating, then Succeeded; the group Pending until its container runs."""
    _create(groups, run_s=100)
    seen = []
    for _ in range(20):
        group = groups.get(_RG, "job")
        seen.append((group.provisioning_state, group.instance_view.state))
        emulated.pass_time(1)
    assert list(dict.fromkeys(seen)) == [
        ("Pending", "Pending"),
        ("Creating", "Pending"),
        ("Succeeded", "Running"),
    ]


def test_an_operation_goes_through_its_groups_states(
    raw: RawClient, emulated: EmulatorTarget
) -> None:
    """Pending and Creating for a create, Updating for a restart; Succeeded when it is done."""
    emulated.emulator.admin.add_script(run_s=False)
    body = json.loads((_FIXTURES / "created.json").read_text(encoding="utf-8"))["request"]
    created = raw.call("PUT", f"{raw.groups_path}/job", body)
    assert _statuses(raw, emulated, created) == ["Pending", "Creating", "Succeeded"]
    restarted = raw.call("POST", f"{raw.groups_path}/job/restart")
    assert _statuses(raw, emulated, restarted) == ["Updating", "Succeeded"]


def _statuses(raw: RawClient, emulated: EmulatorTarget, begun: Reply) -> list[str]:
    path = begun.headers["azure-asyncoperation"].removeprefix(raw.env["ARM_ENDPOINT"])
    seen = []
    for _ in range(20):
        seen.append(raw.call("GET", path, api_version=None).body["status"])
        emulated.pass_time(1)
    return list(dict.fromkeys(seen))


def test_the_end_is_shown_late_and_the_group_later_still(
    groups: Any, emulated: EmulatorTarget
) -> None:
    """Two seconds after its end the container is Terminated, a second later the group follows."""
    _create(groups, run_s=10, exit_code=3)
    emulated.pass_time(18 + 11.5)
    assert _shown(groups) == ("Running", "Running")
    emulated.pass_time(1)
    assert _shown(groups) == ("Running", "Terminated")
    emulated.pass_time(1)
    assert _shown(groups) == ("Failed", "Terminated")
    state = groups.get(_RG, "job").containers[0].instance_view.current_state
    assert (state.finish_time - state.start_time).total_seconds() == 10


def _shown(groups: Any) -> tuple[str, str]:
    group = groups.get(_RG, "job")
    return group.instance_view.state, group.containers[0].instance_view.current_state.state


def test_a_group_under_repair_says_so(groups: Any, emulated: EmulatorTarget) -> None:
    """An evicted group is Repairing for the repair time, its container Waiting, and then back."""
    _create(groups, run_s=1000)
    emulated.pass_time(20)
    emulated.emulator.admin.befall("job", "evict")
    emulated.pass_time(10)
    group = groups.get(_RG, "job")
    assert group.provisioning_state == "Repairing"
    assert group.containers[0].instance_view.current_state.state == "Waiting"
    emulated.pass_time(50)
    assert groups.get(_RG, "job").provisioning_state == "Succeeded"
    assert _shown(groups) == ("Running", "Running")
