"""The contract every endpoint keeps: run against the emulator, and against Azure for who opts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aci_emulator_targets import Target, container, eventually, group_of, unique_name

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def name(target: Target) -> Iterator[str]:
    """A group name whose group is gone after the test."""
    chosen = unique_name()
    yield chosen
    target.client.container_groups.begin_delete(target.resource_group, chosen).result()


def _create(target: Target, name: str, **command: Any) -> Any:
    group = group_of(
        container(image=target.image, command=target.command(**command)), location=target.location
    )
    poller = target.client.container_groups.begin_create_or_update(
        target.resource_group, name, group, polling_interval=target.poll_interval_s
    )
    return poller.result()


def _get(target: Target, name: str) -> Any:
    return target.client.container_groups.get(target.resource_group, name)


def _state(group: Any) -> Any:
    return group.containers[0].instance_view.current_state


def _log(target: Target, name: str, **options: Any) -> str:
    logs = target.client.containers.list_logs(target.resource_group, name, "main", **options)
    return logs.content or ""


def test_a_created_group_runs_and_shows_its_events(target: Target, name: str) -> None:
    """`begin_create_or_update().result()` ends with a group that runs, and says how it came to."""
    group = _create(target, name, run_s=600)
    assert group.provisioning_state == "Succeeded"
    assert group.instance_view.state == "Running"
    assert _state(group).state == "Running"
    assert _state(group).exit_code is None
    names = [event.name for event in group.containers[0].instance_view.events]
    assert names[-1] == "Started"
    assert {"Pulling", "Pulled"} <= set(names)


@pytest.mark.parametrize(
    ("exit_code", "detail", "group_state"), [(0, "Completed", "Succeeded"), (7, "Error", "Failed")]
)
def test_the_exit_code_is_shown_and_decides_the_group_state(
    target: Target, name: str, exit_code: int, detail: str, group_state: str
) -> None:
    """With policy Never the group ends Succeeded on 0 and Failed on anything else."""
    _create(target, name, run_s=2, exit_code=exit_code)
    eventually(target, lambda: _state(_get(target, name)).state == "Terminated")
    group = _get(target, name)
    assert _state(group).exit_code == exit_code
    assert _state(group).detail_status == detail
    assert _state(group).finish_time > _state(group).start_time
    eventually(target, lambda: _get(target, name).instance_view.state == group_state)


def test_logs_are_complete_and_can_be_tailed_and_stamped(target: Target, name: str) -> None:
    """Logs hold every line; `tail` cuts, `timestamps` puts RFC3339 with nanoseconds before each."""
    _create(target, name, run_s=2, lines=4)
    eventually(target, lambda: _state(_get(target, name)).state == "Terminated")
    assert _log(target, name).splitlines() == ["line 1", "line 2", "line 3", "line 4"]
    assert _log(target, name, tail=2).splitlines() == ["line 3", "line 4"]
    stamped = _log(target, name, timestamps=True).splitlines()
    moments = [line.partition(" ")[0] for line in stamped]
    assert moments == sorted(moments)
    assert all(moment.endswith("Z") and "T" in moment for moment in moments)
    assert [line.partition(" ")[2] for line in stamped] == [
        "line 1",
        "line 2",
        "line 3",
        "line 4",
    ]


def test_a_stopped_group_has_neither_exit_code_nor_start_time(target: Target, name: str) -> None:
    """After stop the containers are Terminated per client request, and no exit code is left."""
    _create(target, name, run_s=600)
    target.client.container_groups.stop(target.resource_group, name)
    eventually(target, lambda: _get(target, name).instance_view.state == "Stopped")
    state = _state(_get(target, name))
    assert state.state == "Terminated"
    assert state.detail_status == "Container stopped per client request"
    assert state.exit_code is None
    assert state.start_time is None


def test_a_stopped_group_can_be_started_again(target: Target, name: str) -> None:
    """`begin_start` runs a stopped group anew."""
    _create(target, name, run_s=600)
    target.client.container_groups.stop(target.resource_group, name)
    eventually(target, lambda: _get(target, name).instance_view.state == "Stopped")
    target.client.container_groups.begin_start(
        target.resource_group, name, polling_interval=target.poll_interval_s
    ).result()
    eventually(target, lambda: _get(target, name).instance_view.state == "Running")


def test_a_restart_starts_in_place_and_forgets_the_log(target: Target, name: str) -> None:
    """`begin_restart` kills and starts without a new pull; the log begins anew."""
    _create(target, name, run_s=600, lines=2)
    target.pass_time(301)
    target.client.container_groups.begin_restart(
        target.resource_group, name, polling_interval=target.poll_interval_s
    ).result()
    eventually(target, lambda: _get(target, name).instance_view.state == "Running")
    events = {e.name: e.count for e in _get(target, name).containers[0].instance_view.events}
    assert events["Started"] == 2
    assert events["Pulling"] == 1
    assert "Killing" in events
    assert _log(target, name).splitlines() == ["line 1"]


def test_lists_show_the_group_without_what_became_of_it(target: Target, name: str) -> None:
    """Both lists return provisioning state and tags but no instanceView at any level."""
    _create(target, name, run_s=600)
    groups: Any = target.client.container_groups
    for listed in (groups.list(), groups.list_by_resource_group(target.resource_group)):
        found = [group for group in listed if group.name == name]
        assert len(found) == 1
        assert found[0].provisioning_state == "Succeeded"
        assert found[0].instance_view is None
        assert found[0].containers[0].instance_view is None


def test_patch_replaces_the_tags_alone(target: Target, name: str) -> None:
    """PATCH sets tags and leaves the containers running."""
    _create(target, name, run_s=600)
    groups: Any = target.client.container_groups
    updated: Any = groups.update(
        target.resource_group,
        name,
        {"tags": {"job": "42"}},  # type: ignore[call-overload, unused-ignore]
    )
    assert updated.tags == {"job": "42"}
    assert _get(target, name).instance_view.state == "Running"


def test_delete_answers_with_the_group_and_leaves_nothing(target: Target, name: str) -> None:
    """`begin_delete().result()` returns the group as it was; then it is gone, and again is fine."""
    _create(target, name, run_s=600)
    groups: Any = target.client.container_groups
    deleted = groups.begin_delete(target.resource_group, name).result()
    assert deleted.name == name
    with pytest.raises(ResourceNotFoundError) as missing:
        _get(target, name)
    assert missing.value.error is not None
    assert missing.value.error.code == "ResourceNotFound"
    groups.begin_delete(target.resource_group, name).result()


def test_an_image_that_does_not_exist_is_refused_at_once(target: Target, name: str) -> None:
    """PUT with an unknown image fails with InaccessibleImage, and no group is left."""
    group = group_of(
        container(image="mcr.microsoft.com/does-not-exist:never"), location=target.location
    )
    with pytest.raises(HttpResponseError) as refused:
        target.client.container_groups.begin_create_or_update(target.resource_group, name, group)
    assert refused.value.error is not None
    assert refused.value.error.code == "InaccessibleImage"
    assert "is not accessible" in (refused.value.error.message or "")
    with pytest.raises(ResourceNotFoundError):
        _get(target, name)


def test_a_second_put_of_another_restart_policy_is_refused(target: Target, name: str) -> None:
    """What cannot change in place needs delete and create."""
    _create(target, name, run_s=600)
    group = group_of(
        container(image=target.image, command=target.command(run_s=600)),
        location=target.location,
        restart_policy="Always",
    )
    with pytest.raises(HttpResponseError) as refused:
        target.client.container_groups.begin_create_or_update(target.resource_group, name, group)
    assert refused.value.error is not None
    assert refused.value.error.code == "InvalidContainerGroupUpdate"


def test_usages_tell_quota_and_use(target: Target, name: str) -> None:
    """`list_usage` counts groups and cores of the location."""
    _create(target, name, run_s=600)
    listed: list[Any] = list(target.client.location.list_usage(target.location))
    usages = {usage.name.value: usage for usage in listed}
    assert usages["ContainerGroups"].current_value >= 1
    assert usages["StandardCores"].current_value >= 1
    assert usages["ContainerGroups"].unit == "Count"
