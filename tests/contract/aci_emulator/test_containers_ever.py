"""What the admin API tells of every container that ever was."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator_targets import EmulatorTarget

_RG = "acijobs"


def _create(emulated: EmulatorTarget, name: str, *words: str, policy: str = "Never") -> None:
    spec = group_of(container(command=["script", *words]), restart_policy=policy)
    spec.tags = {"Owner": name}
    emulated.client.container_groups.begin_create_or_update(_RG, name, spec, polling=False)


def _delete(emulated: EmulatorTarget, name: str) -> None:
    emulated.client.container_groups.begin_delete(_RG, name, polling=False)


def _seconds(entry: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(entry[key]) for key in ("startedAt", "finishedAt"))
    return (ended - began).total_seconds()


def test_a_hundred_jobs_are_seen_in_one_answer(emulated: EmulatorTarget) -> None:
    """Each with its state and times, in the order of creation, whatever became of its group."""
    for number in range(100):
        _create(emulated, f"job-{number}", f"run_s={20 + number}", "exit_code=3")
    _create(emulated, "other")
    emulated.pass_time(70)
    for number in range(10):
        _delete(emulated, f"job-{number}")
    found = emulated.emulator.admin.containers("job-")
    assert [entry["group"] for entry in found] == [f"job-{number}" for number in range(100)]
    assert {entry["container"] for entry in found} == {"main"}
    assert {(entry["resourceGroup"], entry["location"]) for entry in found} == {(_RG, "eastus")}
    assert [entry["state"] for entry in found] == ["Terminated"] * 51 + ["Running"] * 49
    assert [_seconds(entry) for entry in found[:51]] == [20 + number for number in range(51)]
    assert [entry["exitCode"] for entry in found[49:53]] == [3, 3, None, None]
    assert [entry["deletedAt"] is not None for entry in found] == [True] * 10 + [False] * 90


def test_what_is_deleted_while_it_runs_has_an_end_and_no_exit_code(
    emulated: EmulatorTarget,
) -> None:
    """Its end is the deletion's."""
    _create(emulated, "job", "run_s=forever")
    emulated.pass_time(5)
    _delete(emulated, "job")
    [entry] = emulated.emulator.admin.containers()
    assert (entry["state"], entry["exitCode"]) == ("Terminated", None)
    assert entry["finishedAt"] == entry["deletedAt"]


def test_each_creation_of_a_name_is_an_entry_with_its_tags(emulated: EmulatorTarget) -> None:
    """The tags are those of the creation, whatever a PATCH said later."""
    for owner in ("mine", "foreign"):
        spec = group_of(container(command=["script", "run_s=1"]))
        spec.tags = {"Owner": owner}
        groups: Any = emulated.client.container_groups
        groups.begin_create_or_update(_RG, "job", spec, polling=False)
        emulated.pass_time(2)
        groups.update(_RG, "job", {"tags": {"Owner": "changed"}})
        _delete(emulated, "job")
    found = emulated.emulator.admin.containers("JOB")
    assert [entry["tags"] for entry in found] == [{"Owner": "mine"}, {"Owner": "foreign"}]
    assert [entry["creations"] for entry in found] == [2, 2]
    assert [entry["starts"] for entry in found] == [1, 1]


def test_every_run_of_a_container_is_counted(emulated: EmulatorTarget) -> None:
    """Restarts by policy and by request are runs; a stopped container has none under way."""
    _create(emulated, "job", "run_s=5", policy="Always")
    emulated.pass_time(6)
    assert emulated.emulator.admin.containers("job")[0]["starts"] == 2
    emulated.client.container_groups.begin_restart(_RG, "job", polling=False)
    emulated.pass_time(1)
    [entry] = emulated.emulator.admin.containers("job")
    assert (entry["starts"], entry["state"]) == (3, "Running")
    emulated.client.container_groups.stop(_RG, "job")
    [entry] = emulated.emulator.admin.containers("job")
    assert (entry["starts"], entry["state"], entry["exitCode"]) == (3, "Terminated", None)


def test_a_group_that_never_starts_is_listed(emulated: EmulatorTarget) -> None:
    """Waiting, without times."""
    emulated.emulator.admin.add_fault("stuck_pending")
    _create(emulated, "job")
    emulated.pass_time(5)
    [entry] = emulated.emulator.admin.containers("job")
    assert (entry["state"], entry["starts"]) == ("Waiting", 0)
    assert (entry["startedAt"], entry["finishedAt"], entry["exitCode"]) == (None, None, None)
