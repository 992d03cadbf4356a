"""The life of a group as pure state: no runtime, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aci_emulator.groups.container import restarts
from aci_emulator.groups.spec import ContainerSpec, GroupSpec
from aci_emulator.groups.state import Group

_NOW = datetime(2026, 8, 1, tzinfo=UTC)


def _group(*names: str, init: tuple[str, ...] = ()) -> Group:
    spec = GroupSpec(
        name="g",
        location="eastus",
        os_type="Linux",
        restart_policy="Never",
        containers=tuple(ContainerSpec(name=name, image="alpine") for name in names),
        init_containers=tuple(ContainerSpec(name=name, image="alpine") for name in init),
    )
    return Group(spec, resource_group="rg", created_at=_NOW)


def _end(group: Group, name: str, exit_code: int) -> None:
    container = group.containers.get(name) or group.init_containers[name]
    container.started(_NOW)
    container.exited(exit_code, _NOW + timedelta(seconds=1))
    container.final = True


@pytest.mark.parametrize(
    ("policy", "exit_code", "again"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_the_policy_decides_who_starts_again(policy: str, exit_code: int, again: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The whole table."""
    assert restarts(policy, exit_code) is again  # type: ignore[arg-type]


def test_a_group_is_pending_until_a_container_of_its_own_has_started() -> None:
    """An init container running leaves the group Pending."""
    group = _group("a", init=("i",))
    group.init_containers["i"].started(_NOW)
    assert group.state == "Pending"
    group.containers["a"].started(_NOW)
    assert group.state == "Running"


def test_the_last_end_decides() -> None:
    """Running until all have ended; then Failed if any failed."""
    group = _group("a", "b")
    group.containers["b"].started(_NOW)
    _end(group, "a", 1)
    assert group.state == "Running"
    _end(group, "b", 0)
    assert group.state == "Failed"


def test_all_well_is_succeeded() -> None:
    """Only zeros."""
    group = _group("a", init=("i",))
    _end(group, "i", 0)
    _end(group, "a", 0)
    assert group.state == "Succeeded"


def test_a_failed_init_container_ends_the_group() -> None:
    """Though its containers never started."""
    group = _group("a", init=("i",))
    _end(group, "i", 1)
    assert (group.state, group.finished) == ("Failed", True)


def test_stop_hides_how_it_ended_and_keeps_what_was_before() -> None:
    """A running container's Running state becomes the previous one; nothing else is told."""
    group = _group("a")
    group.containers["a"].started(_NOW)
    group.stop(_NOW + timedelta(seconds=5))
    container = group.containers["a"]
    assert group.state == "Stopped"
    assert container.current.exit_code is None
    assert container.current.started_at is None
    assert container.previous is not None
    assert container.previous.phase == "Running"


def test_repeated_events_are_counted() -> None:
    """The same event twice is one entry with count 2 and the later time."""
    container = _group("a").containers["a"]
    container.started(_NOW)
    container.started(_NOW + timedelta(seconds=9))
    (event,) = container.events
    assert (event.count, event.first_at, event.last_at) == (2, _NOW, _NOW + timedelta(seconds=9))


def test_a_new_run_keeps_the_events_and_forgets_the_states() -> None:
    """Redeploying shows Killing for what ran, and Waiting."""
    group = _group("a")
    group.containers["a"].started(_NOW)
    group.redeploy(group.spec, _NOW)
    container = group.containers["a"]
    assert [event.name for event in container.events] == ["Started", "Killing"]
    assert (container.current.phase, container.restart_count) == ("Waiting", 0)
    assert (group.provisioning, group.state) == ("Pending", "Pending")
