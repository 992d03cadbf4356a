"""The one module that knows the SDK, against an endpoint that speaks ARM over HTTPS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.archive.folder import FolderArchive
from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.observation import judge
from acijobs.domain.spec import parse
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.delete_group import delete_group
from acijobs.usecases.fetch_logs import fetch_logs
from acijobs.usecases.ownership import Owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aci_emulator.in_process import InProcessEmulator
    from acijobs.aci.container_groups import AciContainerGroups
    from acijobs.domain.spec import JobSpec

OURS = Owner(app="app", job_id="j")
DEADLINE = "2026-11-24T10:00:00+00:00"

BUSY = {
    "ContainerGroupDeploymentNotReady": 409,
    "ContainerGroupQuotaReached": 400,
    "ContainerGroupTransitioning": 409,
    "InternalServerError": 500,
    "RegistryErrorResponse": 409,
    "ServiceUnavailable": 409,
    "SubscriptionRequestsThrottled": 429,
    "TooManyRequests": 429,
    "AnyCode": 503,
    "GatewayTimeout": 504,
    "RequestTimeout": 408,
}
REFUSED = {
    "InaccessibleImage": 400,
    "InvalidContainerGroupUpdate": 400,
    "InvalidContainerEnvironmentVariable": 400,
    "InvalidOsType": 400,
    "ResourceSomeRequestsNotSpecified": 400,
    "MissingIpAddressPorts": 400,
    "OsVersionNotSupported": 400,
    "LinkedAuthorizationFailed": 403,
    "AuthorizationFailed": 403,
    "ResourceGroupNotFound": 404,
    "SubscriptionNotFound": 404,
    "AnyConflict": 409,
}


def job(*words: str, **fields: Any) -> JobSpec:
    return parse({"image": "alpine:3.20", "command": ["script", *words]} | fields)


class NewLog(FolderArchive):
    """An archive that is only ever started."""

    def __init__(self) -> None:
        """Nothing is written, so no folder is needed."""

    def start(self, job_id: str) -> None:
        """The log begins anew."""


def create(
    groups: AciContainerGroups, spec: JobSpec, owner: Owner = OURS, deadline: str = DEADLINE
) -> dict[str, Any]:
    return create_group(groups, NewLog(), owner, name="job-j", spec=spec, deadline=deadline)


def test_a_job_runs_from_its_creation_to_its_deletion(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, tmp_path: Path
) -> None:
    """Each step sees what the service shows, and asks for it once."""
    archive = FolderArchive(tmp_path)

    def fetch(*, ended: bool) -> dict[str, Any]:
        return fetch_logs(groups, archive, "j", group="job-j", container="job", ended=ended)

    assert check_status(groups, "job-j") == {"kind": "gone"}
    spec = job("run_s=10", "lines=5", "exit_code=3")
    assert create(groups, spec) == {"kind": "created"}
    aci_emulator.admin.advance(3)
    found = groups.get("job-j")
    assert found is not None
    assert judge(found.seen, "Never").stage == "running"
    assert found.seen.containers[0].started_at is not None
    assert {"Pulling", "Pulled", "Started"} <= {event.name for event in found.seen.events}
    assert fetch(ended=False)["addedBytes"] > 0
    assert fetch(ended=False)["addedBytes"] == 0
    aci_emulator.admin.advance(30)
    seen = check_status(groups, "job-j")
    assert json.loads(json.dumps(seen)) == seen
    found = groups.get("job-j")
    assert found is not None
    verdict = judge(found.seen, "Never")
    assert (verdict.stage, verdict.exit_code, verdict.reason_code) == (
        "ended",
        3,
        "NonZeroExitCode",
    )
    assert found.seen.containers[0].finished_at is not None
    last = fetch(ended=True)
    assert (last["truncated"], last["found"]) == (False, True)
    kept = archive.read_end("j", 10_000).data.decode()
    assert [line.split(" ", 1)[1] for line in kept.splitlines()] == [
        f"line {n}" for n in range(1, 6)
    ]
    assert delete_group(groups, OURS, "job-j") == {"kind": "gone"}
    assert delete_group(groups, OURS, "job-j") == {"kind": "absent"}
    assert aci_emulator.admin.groups() == []


def test_the_group_is_what_the_specification_says(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Nothing of it is lost in translation."""
    spec = job(
        "run_s=5",
        environment={"A": "1", "B": "é"},
        cpu=0.5,
        memoryGb=2,
        restartPolicy="OnFailure",
        tags={"team": "x y"},
    )
    create(groups, spec)
    found = groups._client.container_groups.get("acijobs", "job-j")
    (container,) = found.containers
    assert (container.name, container.image) == ("job", "alpine:3.20")
    assert container.command == ["script", "run_s=5"]
    assert {v.name: v.value for v in container.environment_variables or []} == {"A": "1", "B": "é"}
    assert (container.resources.requests.cpu, container.resources.requests.memory_in_gb) == (0.5, 2)
    assert (found.os_type, found.restart_policy, found.location) == ("Linux", "OnFailure", "eastus")
    assert found.tags == {
        "team": "x y",
        "acijobs-app": "app",
        "acijobs-job": "j",
        "acijobs-deadline": DEADLINE,
    }


def test_a_create_does_not_wait_for_the_group(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """One look whether it is there and one PUT: nothing is polled."""
    create(groups, job("run_s=5"))
    counts = aci_emulator.admin.requests()["operations"]
    assert counts == {"ContainerGroups_Get": 1, "ContainerGroups_CreateOrUpdate": 1}


def test_a_second_create_adopts_the_group(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Activities run at least once; exactly one group is ever created."""
    assert create(groups, job("run_s=5")) == {"kind": "created"}
    assert create(groups, job("run_s=5")) == {"kind": "adopted"}
    assert aci_emulator.admin.groups_created() == 1


def test_what_an_earlier_job_left_under_this_id_is_deleted_first(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Its container has another result; the next attempt makes this job's own."""
    create(groups, job("run_s=1"), deadline="2026-11-01T10:00:00+00:00")
    reply = create(groups, job("run_s=5"))
    assert (reply["kind"], reply["code"]) == ("busy", "LeftoverGroup")
    assert create(groups, job("run_s=5")) == {"kind": "created"}


def test_a_create_whose_answer_was_lost_is_adopted(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """It worked, although it looked failed; the SDK's own second try does no harm."""
    aci_emulator.admin.add_fault("drop_reply", operation="ContainerGroups_CreateOrUpdate")
    reply = create(groups, job("run_s=50"))
    assert reply["kind"] in {"busy", "created"}
    aci_emulator.admin.clear_faults()
    assert create(groups, job("run_s=50")) == {"kind": "adopted"}
    assert aci_emulator.admin.groups_created() == 1


@pytest.mark.parametrize(
    "owner", [Owner(app="app", job_id="other"), Owner(app="other", job_id="j")]
)
def test_anyone_elses_group_is_left_alone(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, owner: Owner
) -> None:
    """Neither adopted nor deleted, whatever its name."""
    create(groups, job("run_s=500"), owner)
    reply = create(groups, job("run_s=5"))
    assert (reply["kind"], reply["code"]) == ("refused", "NameTaken")
    assert delete_group(groups, OURS, "job-j") == {"kind": "notOurs"}
    assert len(aci_emulator.admin.groups()) == 1
    assert aci_emulator.admin.groups_created() == 1


@pytest.mark.parametrize(("code", "status"), BUSY.items())
def test_what_a_later_try_may_mend_is_busy(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, code: str, status: int
) -> None:
    """By code where Azure's status misleads: 409 means five things."""
    aci_emulator.admin.add_fault(
        "respond", status=status, code=code, message="later", retry_after_s=7, times=1
    )
    with pytest.raises(BusyError) as raised:
        groups.create("job-j", job("run_s=5"), {})
    assert (raised.value.code, raised.value.message) == (code, "later")
    assert raised.value.retry_after_s == 7
    groups.create("job-j", job("run_s=5"), {})


@pytest.mark.parametrize(("code", "status"), REFUSED.items())
def test_what_no_later_try_mends_is_refused(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, code: str, status: int
) -> None:
    """With Azure's code and message."""
    aci_emulator.admin.add_fault("respond", status=status, code=code, message="never", times=1)
    with pytest.raises(RefusedError) as raised:
        groups.create("job-j", job("run_s=5"), {})
    assert (raised.value.code, raised.value.message) == (code, "never")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("retry_after_s", [None, 1])
def test_an_error_status_is_asked_once(
    groups: AciContainerGroups,
    aci_emulator: InProcessEmulator,
    status: int,
    retry_after_s: int | None,
) -> None:
    """The orchestration waits with a durable timer; a retry here would only add to the throttling."""
    rule: dict[str, Any] = {"status": status, "code": "X"}
    if retry_after_s is not None:
        rule["retry_after_s"] = retry_after_s
    aci_emulator.admin.add_fault("respond", **rule)
    for ask in (
        lambda: groups.get("job-j"),
        lambda: groups.create("job-j", job("run_s=5"), {}),
        lambda: groups.delete("job-j"),
        lambda: groups.read_log("job-j", "job"),
    ):
        aci_emulator.admin.reset_requests()
        with pytest.raises(BusyError):
            ask()
        assert aci_emulator.admin.requests()["total"] == 1


@pytest.mark.parametrize("body", ["<html>", "", [], {"error": None}, {"error": {}}, {"error": "x"}])
def test_an_answer_that_is_no_arm_error_is_named_by_its_status(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, body: Any
) -> None:
    """A proxy in between may answer anything."""
    aci_emulator.admin.add_fault("respond", status=502, body=body, times=1)
    with pytest.raises(BusyError) as raised:
        groups.get("job-j")
    assert raised.value.code == "HTTP 502"


def test_a_cut_connection_is_tried_again_at_once(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Once or twice; after that the orchestration tries later."""
    create(groups, job("run_s=50"))
    aci_emulator.admin.add_fault("disconnect", operation="ContainerGroups_Get", times=1)
    assert groups.get("job-j") is not None
    aci_emulator.admin.add_fault("disconnect", operation="ContainerGroups_Get")
    with pytest.raises(BusyError):
        groups.get("job-j")


def test_an_expired_token_is_replaced(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """A long-lived worker outlives its tokens; no job is refused for that."""
    create(groups, job("run_s=50"))
    aci_emulator.admin.expire_tokens()
    kinds = [check_status(groups, "job-j")["kind"] for _ in range(3)]
    assert "seen" in kinds


@pytest.mark.parametrize("step", ["get", "create", "delete"])
def test_a_resource_group_that_does_not_exist_is_refused(
    connect: Callable[..., AciContainerGroups], step: str
) -> None:
    """It is not taken for a container group that is gone."""
    groups = connect("no-such-resource-group")
    arguments: tuple[Any, ...] = ("job-j",)
    if step == "create":
        arguments = ("job-j", job("run_s=5"), {})
    with pytest.raises(RefusedError, match="ResourceGroupNotFound"):
        getattr(groups, step)(*arguments)


def test_a_log_that_is_not_there_yet_is_none(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Neither an error nor an empty log."""
    assert groups.read_log("job-j", "job") is None
    aci_emulator.admin.add_script(pull_s=20)
    create(groups, job("run_s=50", "lines=1"))
    assert groups.read_log("job-j", "job") is None
    for code, status in (
        ("ContainerLogNotAvailable", 404),
        ("ContainerGroupDeploymentNotReady", 409),
    ):
        aci_emulator.admin.add_fault("respond", status=status, code=code, times=1)
        assert groups.read_log("job-j", "job") is None
    aci_emulator.admin.advance(30)
    shown = groups.read_log("job-j", "job")
    assert shown is not None
    assert shown.endswith("Z line 1\n")
    aci_emulator.admin.add_fault("respond", status=403, code="AuthorizationFailed", times=1)
    with pytest.raises(RefusedError):
        groups.read_log("job-j", "job")


def test_a_stopped_container_has_no_exit_code(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Azure gives none, and none is not 0."""
    create(groups, job("run_s=500"))
    aci_emulator.admin.advance(5)
    groups._client.container_groups.stop("acijobs", "job-j")
    aci_emulator.admin.advance(5)
    found = groups.get("job-j")
    assert found is not None
    assert found.seen.group_state == "Stopped"
    assert found.seen.containers[0].exit_code is None
    assert "stopped" in judge(found.seen, "Never").reason


def test_a_container_that_stopped_between_look_and_fetch_is_not_thought_whole(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, tmp_path: Path
) -> None:
    """Azure has cut its log then, though the look before saw it run."""
    create(groups, job("run_s=1", "lines=3000"))
    aci_emulator.admin.advance(30)
    reply = fetch_logs(
        groups, FolderArchive(tmp_path), "j", group="job-j", container="job", ended=False
    )
    assert reply["truncated"]


def test_a_large_first_window_of_a_running_container_is_whole(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, tmp_path: Path
) -> None:
    """It counts as lost lines only where the container has stopped."""
    create(groups, job("run_s=1000", "lines=1000"))
    aci_emulator.admin.advance(999.5)
    archive = FolderArchive(tmp_path)
    reply = fetch_logs(groups, archive, "j", group="job-j", container="job", ended=False)
    assert archive.read_end("j", 10**6).data.count(b"\n") == 1000
    assert not reply["truncated"]


def test_capacity_that_is_missing_is_told_by_the_group(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """The create was accepted; what failed later shows in the next look."""
    aci_emulator.admin.add_fault("capacity_async")
    assert create(groups, job("run_s=5")) == {"kind": "created"}
    aci_emulator.admin.advance(60)
    found = groups.get("job-j")
    assert found is not None
    verdict = judge(found.seen, "Never")
    assert (verdict.stage, verdict.reason_code) == ("ended", "ProvisioningFailed")


def test_a_delete_that_azure_has_not_finished_is_not_thought_done(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Gone is what a look has not found."""
    create(groups, job("run_s=500"))
    aci_emulator.admin.add_fault(
        "respond", operation="ContainerGroups_Delete", status=202, body={}, times=1
    )
    assert delete_group(groups, OURS, "job-j") == {"kind": "deleting"}
    assert delete_group(groups, OURS, "job-j") == {"kind": "gone"}
