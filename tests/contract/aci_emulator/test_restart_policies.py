"""What becomes of groups under each restart policy, with init containers and with sidecars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerinstance.models import InitContainerDefinition

from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator_targets import EmulatorTarget

_RG = "acijobs"


@pytest.fixture
def groups(emulated: EmulatorTarget) -> Any:
    return emulated.client.container_groups


def _script(**words: Any) -> list[str]:
    return ["script", *(f"{key}={value}" for key, value in words.items())]


def _create(groups: Any, *containers: Any, **options: Any) -> Any:
    spec = group_of(*containers, **options)
    return groups.begin_create_or_update(_RG, "job", spec, polling_interval=0)


def _send(groups: Any, *containers: Any, **options: Any) -> None:
    """Send the PUT without the SDK's poller, which would ask on its own thread meanwhile."""
    groups.begin_create_or_update(_RG, "job", group_of(*containers, **options), polling=False)


def _view(groups: Any, index: int = 0) -> Any:
    return groups.get(_RG, "job").containers[index].instance_view


def test_on_failure_restarts_until_zero(emulated: EmulatorTarget, groups: Any) -> None:
    """Exit codes 3 and 4, then 0: two restarts, then the group has Succeeded."""
    admin = emulated.emulator.admin
    admin.add_script(image="flaky*", run_s=10, exit_codes=[3, 4], exit_code=0)
    _create(groups, container(image="flaky:1"), restart_policy="OnFailure").result()
    admin.advance(15)
    view = _view(groups)
    assert (view.restart_count, view.current_state.state) == (1, "Running")
    assert (view.previous_state.state, view.previous_state.exit_code) == ("Terminated", 3)
    admin.advance(20)
    view = _view(groups)
    assert (view.restart_count, view.current_state.exit_code) == (2, 0)
    assert groups.get(_RG, "job").instance_view.state == "Succeeded"


def test_always_restarts_even_after_zero(emulated: EmulatorTarget, groups: Any) -> None:
    """With Always the group never ends by itself."""
    _create(groups, container(command=_script(run_s=10)), restart_policy="Always").result()
    emulated.pass_time(25)
    assert _view(groups).restart_count == 2
    assert groups.get(_RG, "job").instance_view.state == "Running"


def test_never_leaves_a_failed_container_alone(emulated: EmulatorTarget, groups: Any) -> None:
    """With Never a failure is the end."""
    _create(groups, container(command=_script(run_s=1, exit_code=9))).result()
    emulated.pass_time(600)
    view = _view(groups)
    assert (view.restart_count, view.current_state.exit_code) == (0, 9)


def test_a_group_ends_when_its_last_container_has(emulated: EmulatorTarget, groups: Any) -> None:
    """A sidecar that runs on keeps the group Running; any failure makes it Failed."""
    main = container(name="main", command=_script(run_s=5, exit_code=7))
    sidecar = container(name="sidecar", command=_script(run_s=60))
    _create(groups, main, sidecar).result()
    emulated.pass_time(10)
    assert _view(groups, 0).current_state.exit_code == 7
    assert _view(groups, 1).current_state.state == "Running"
    assert groups.get(_RG, "job").instance_view.state == "Running"
    emulated.pass_time(60)
    assert groups.get(_RG, "job").instance_view.state == "Failed"


def test_init_containers_run_one_after_the_other_first(
    emulated: EmulatorTarget, groups: Any
) -> None:
    """Containers wait until every init container has ended with 0, in the request's order."""
    inits = [
        InitContainerDefinition(name=name, image="busybox", command=_script(run_s=10))
        for name in ("first", "second")
    ]
    _send(groups, container(command=_script(run_s=50)), init_containers=inits)
    emulated.pass_time(5)
    group = groups.get(_RG, "job")
    first, second = group.init_containers
    assert first.instance_view.current_state.state == "Running"
    assert second.instance_view is None
    assert (group.instance_view.state, group.provisioning_state) == ("Pending", "Creating")
    emulated.pass_time(10)
    group = groups.get(_RG, "job")
    assert group.init_containers[0].instance_view.current_state.exit_code == 0
    assert group.init_containers[1].instance_view.current_state.state == "Running"
    emulated.pass_time(10)
    group = groups.get(_RG, "job")
    assert (group.instance_view.state, group.provisioning_state) == ("Running", "Succeeded")


def test_a_failed_init_container_fails_a_group_of_policy_never(
    emulated: EmulatorTarget, groups: Any
) -> None:
    """No container starts, the group is Failed, and the init container tells why."""
    init = InitContainerDefinition(
        name="prepare", image="busybox", command=_script(run_s=1, exit_code=4)
    )
    _send(groups, container(), init_containers=[init])
    emulated.pass_time(10)
    group = groups.get(_RG, "job")
    assert group.instance_view.state == "Failed"
    assert group.init_containers[0].instance_view.current_state.exit_code == 4
    assert group.containers[0].instance_view is None


def test_init_logs_can_be_read(emulated: EmulatorTarget, groups: Any) -> None:
    """Logs of init containers are served under their names."""
    init = InitContainerDefinition(
        name="prepare", image="busybox", command=_script(run_s=1, lines=1)
    )
    _send(groups, container(), init_containers=[init])
    emulated.pass_time(10)
    logs: Any = emulated.client.containers
    assert logs.list_logs(_RG, "job", "prepare").content == "line 1\n"


def test_a_command_that_does_not_exist_ends_with_127(emulated: EmulatorTarget, groups: Any) -> None:
    """The container never runs: a Failed event says why, and it counts as a failure."""
    emulated.emulator.admin.add_script(image="broken*", refuse="CommandNotFound")
    _create(groups, container(image="broken:1")).result()
    view = _view(groups)
    assert (view.current_state.state, view.current_state.exit_code) == ("Terminated", 127)
    failed = [event for event in view.events if event.name == "Failed"]
    assert [event.type for event in failed] == ["Warning"]


def test_out_of_memory_is_told_in_the_detail(emulated: EmulatorTarget, groups: Any) -> None:
    """A container ended by its memory limit shows OOMKilled."""
    emulated.emulator.admin.add_script(image="fat*", run_s=1, exit_code=137, detail="OOMKilled")
    _create(groups, container(image="fat:1")).result()
    emulated.pass_time(2)
    state = _view(groups).current_state
    assert (state.exit_code, state.detail_status) == (137, "OOMKilled")


def test_an_image_that_cannot_be_pulled_fails_the_operation(
    emulated: EmulatorTarget, groups: Any
) -> None:
    """When the runtime finds the image missing after the PUT, operation and events say so."""
    emulated.emulator.admin.add_script(image="private*", refuse="InaccessibleImage")
    poller = _create(groups, container(image="private:1"))
    with pytest.raises(HttpResponseError, match="InaccessibleImage"):
        poller.result()
    group = groups.get(_RG, "job")
    assert group.provisioning_state == "Failed"
    names = [event.name for event in group.containers[0].instance_view.events]
    assert names == ["Pulling", "Failed"]
