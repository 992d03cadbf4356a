"""The one module that knows the SDK, against an endpoint that speaks ARM over HTTPS."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.messages import (
    Absent,
    Busy,
    CheckRequest,
    Created,
    CreateRequest,
    DeleteRequest,
    Deleting,
    Fetched,
    FetchRequest,
    Finished,
    Refused,
    Reply,
    Seen,
)
from acijobs.domain.observation import judge
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import CleanUp
from acijobs.domain.spec.job import parse
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.fetch_logs import fetch_logs
from acijobs.usecases.finish_job import finish_job
from acijobs.usecases.patience import PatientGroups
from acijobs_interleaving import RUN
from manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.in_process import InProcessEmulator
    from acijobs.aci.client import AciContainerGroups
    from acijobs.domain.spec.job import JobSpec

    from .conftest import EmulatedWorld

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


def create(world: EmulatedWorld) -> Reply:
    return create_group(world, CreateRequest(run=RUN))


def check(world: EmulatedWorld, **asked: Any) -> Reply:
    return check_status(world, CheckRequest(**{"run": RUN} | asked))


def fetch(world: EmulatedWorld, *, has_ended: bool = False) -> Fetched:
    reply = fetch_logs(world, FetchRequest(run=RUN, has_ended=has_ended))
    assert isinstance(reply, Fetched)
    return reply


def finish(world: EmulatedWorld, outcome: Outcome) -> Reply:
    return finish_job(world, DeleteRequest(run=RUN, outcome=outcome))


def test_a_job_runs_from_its_creation_to_its_deletion(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """Each step sees what the service shows, and asks for it once."""
    world.accept("run_s=10", "lines=5", "exit_code=3")
    assert isinstance(create(world), Created)
    aci_emulator.admin.advance(3)
    running = check(world, log_is_due=True)
    assert isinstance(running, Seen)
    assert (running.stage, running.outcome) == ("running", None)
    assert {"imagePulling", "imagePulled", "containerStarted"} == set(running.times)
    assert running.log is not None
    assert running.log.added_bytes > 0
    assert fetch(world).added_bytes == 0
    aci_emulator.admin.advance(30)
    ended = check(world)
    assert isinstance(ended, Seen)
    assert ended.outcome is not None
    assert (ended.stage, ended.outcome.exit_code) == ("ended", 3)
    assert ended.outcome.reason == "NonZeroExitCode"
    assert "containerFinished" in ended.times
    finished = finish(world, ended.outcome)
    assert isinstance(finished, Finished)
    assert (finished.clean_up, finished.outcome) == (CleanUp.DELETED, ended.outcome)
    assert (finished.log.complete, finished.log.truncated) == (True, False)
    (kept,) = world.memory_logs.logs.values()
    assert [line.split(" ", 1)[1] for line in kept.decode().splitlines()] == [
        f"line {n}" for n in range(1, 6)
    ]
    assert aci_emulator.admin.groups() == []


def test_the_group_is_what_the_specification_says(
    world: EmulatedWorld, groups: AciContainerGroups
) -> None:
    """Nothing of it is lost in translation."""
    world.accept(
        "run_s=5",
        environment={"A": "1", "B": "é"},
        cpu=0.5,
        memoryGb=2,
        restartPolicy="OnFailure",
        tags={"team": "x y"},
    )
    create(world)
    found = groups._client.container_groups.get("acijobs", world.group.name)
    (container,) = found.containers
    assert (container.name, container.image) == ("job", "alpine:3.20")
    assert container.command == ["script", "run_s=5"]
    told = {v.name: v.value for v in container.environment_variables or []}
    own = {"ACIJOBS_JOB_ID": "j", "ACIJOBS_ATTEMPT": "1", "ACIJOBS_EVENT_URL": None}
    assert told == {"A": "1", "B": "é"} | own
    assert (container.resources.requests.cpu, container.resources.requests.memory_in_gb) == (0.5, 2)
    assert (found.os_type, found.restart_policy, found.location) == ("Linux", "OnFailure", "eastus")
    over_at = datetime.fromisoformat(found.tags.pop("acijobs-deadline"))
    assert over_at >= world.memory_rows.now_of("j").over_at
    assert found.tags == {
        "team": "x y",
        "acijobs-app": "acijobs",
        "acijobs-store": "store1",
        "acijobs-job": "j",
        "acijobs-attempt": "nonce00001",
    }


def test_a_create_is_one_request(world: EmulatedWorld, aci_emulator: InProcessEmulator) -> None:
    """A name that is new needs no look whether it is there, and nothing is polled."""
    world.accept("run_s=5")
    create(world)
    counts = aci_emulator.admin.requests()["operations"]
    assert counts == {"ContainerGroups_CreateOrUpdate": 1}


def test_a_second_create_asks_for_nothing(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """Activities run at least once; exactly one group is ever created."""
    world.accept("run_s=5")
    assert create(world) == create(world)
    assert aci_emulator.admin.groups_created() == 1


def test_a_create_whose_answer_was_lost_is_adopted(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """It worked, although it looked failed."""
    world.accept("run_s=50")
    aci_emulator.admin.add_fault("drop_reply", operation="ContainerGroups_CreateOrUpdate")
    reply = create(world)
    assert isinstance(reply, Busy)
    assert reply.refused_ask is None
    aci_emulator.admin.clear_faults()
    assert isinstance(create(world), Created)
    assert aci_emulator.admin.groups_created() == 1


def test_somebody_elses_group_of_the_name_is_left_alone(
    world: EmulatedWorld, groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Neither adopted nor seen as the job's."""
    world.accept("run_s=5")
    aci_emulator.admin.add_fault("respond", status=500, code="X", times=1)
    assert isinstance(create(world), Busy)
    groups.create(world.group.name, job("run_s=500"), {"acijobs-job": "j"}, location="eastus")
    reply = create(world)
    assert isinstance(reply, Refused)
    assert reply.code == "NameTaken"
    assert isinstance(check(world), Absent)
    assert len(aci_emulator.admin.groups()) == 1


def test_an_absence_is_confirmed_by_the_list(
    world: EmulatedWorld, groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """The list has what a read may not find, whatever the case of its name."""
    world.accept("run_s=500")
    create(world)
    name = world.group.name
    assert name in groups.listed()
    assert "job-other" not in groups.listed()
    aci_emulator.admin.add_fault(
        "respond", operation="ContainerGroups_Get", status=404, code="ResourceNotFound", times=1
    )
    assert check(world, confirm_absence=True) == Absent(is_confirmed=False)
    groups.delete(name)
    assert check(world, confirm_absence=True) == Absent(is_confirmed=True)


@pytest.mark.parametrize(("code", "status"), BUSY.items())
def test_what_a_later_try_may_mend_is_busy(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, code: str, status: int
) -> None:
    """By code where Azure's status misleads: 409 means five things."""
    aci_emulator.admin.add_fault(
        "respond", status=status, code=code, message="later", retry_after_s=7, times=1
    )
    with pytest.raises(BusyError) as raised:
        groups.create("job-j", job("run_s=5"), {}, location="eastus")
    assert (raised.value.code, raised.value.message) == (code, "later")
    assert raised.value.retry_after_s == 7
    assert raised.value.is_refused is (status < 500 or status == 503)
    assert raised.value.is_brief is (status in {429, 500, 503, 504})
    groups.create("job-j", job("run_s=5"), {}, location="eastus")


def test_an_arm_that_is_down_is_not_a_region_without_capacity(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Both say ServiceUnavailable; the one with 503, the other with 409."""
    for status, code in ((503, "HTTP 503"), (409, "ServiceUnavailable")):
        aci_emulator.admin.add_fault("respond", status=status, code="ServiceUnavailable", times=1)
        with pytest.raises(BusyError) as raised:
            groups.create("job-j", job("run_s=5"), {}, location="eastus")
        assert (raised.value.code, raised.value.is_refused) == (code, True)


@pytest.mark.parametrize(("code", "status"), REFUSED.items())
def test_what_no_later_try_mends_is_refused(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator, code: str, status: int
) -> None:
    """With Azure's code and message."""
    aci_emulator.admin.add_fault("respond", status=status, code=code, message="never", times=1)
    with pytest.raises(RefusedError) as raised:
        groups.create("job-j", job("run_s=5"), {}, location="eastus")
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
        lambda: groups.create("job-j", job("run_s=5"), {}, location="eastus"),
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


def test_a_cut_connection_is_over_in_a_moment(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """A read is tried again within the step; after that the orchestration tries later."""
    groups.create("job-j", job("run_s=50"), {}, location="eastus")
    patient = PatientGroups(groups, ManualClock())
    aci_emulator.admin.add_fault("disconnect", operation="ContainerGroups_Get", times=2)
    assert patient.get("job-j") is not None
    aci_emulator.admin.add_fault("disconnect", operation="ContainerGroups_Get")
    with pytest.raises(BusyError) as raised:
        patient.get("job-j")
    assert raised.value.is_brief


def test_a_cut_connection_does_not_repeat_a_request_that_was_sent(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """It may have worked; only the job's row says whether it may be sent again."""
    aci_emulator.admin.add_fault("drop_reply", operation="ContainerGroups_CreateOrUpdate")
    aci_emulator.admin.reset_requests()
    with pytest.raises(BusyError) as raised:
        groups.create("job-j", job("run_s=5"), {}, location="eastus")
    assert not raised.value.is_refused
    assert aci_emulator.admin.requests()["total"] == 1


def test_an_expired_token_is_replaced(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """A long-lived worker outlives its tokens; no job is refused for that."""
    world.accept("run_s=50")
    create(world)
    aci_emulator.admin.expire_tokens()
    assert Seen in {type(check(world)) for _ in range(3)}


@pytest.mark.parametrize("step", ["get", "create", "delete", "listed"])
def test_a_resource_group_that_does_not_exist_is_refused(
    connect: Callable[..., AciContainerGroups], step: str
) -> None:
    """It is not taken for a container group that is gone."""
    groups = connect("no-such-resource-group")
    arguments: tuple[Any, ...] = () if step == "listed" else ("job-j",)
    named: dict[str, str] = {}
    if step == "create":
        arguments, named = ("job-j", job("run_s=5"), {}), {"location": "eastus"}
    with pytest.raises(RefusedError, match="ResourceGroupNotFound"):
        getattr(groups, step)(*arguments, **named)


def test_a_log_that_is_not_there_yet_is_none(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """Neither an error nor an empty log."""
    assert groups.read_log("job-j", "job") is None
    aci_emulator.admin.add_script(pull_s=20)
    groups.create("job-j", job("run_s=50", "lines=1"), {}, location="eastus")
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
    groups.create("job-j", job("run_s=500"), {}, location="eastus")
    aci_emulator.admin.advance(5)
    groups._client.container_groups.stop("acijobs", "job-j")
    aci_emulator.admin.advance(5)
    found = groups.get("job-j")
    assert found is not None
    assert found.seen.group_state == "Stopped"
    outcome = judge(found.seen, "Never").outcome
    assert outcome is not None
    assert (outcome.exit_code, outcome.reason) == (None, "ExitCodeMissing")
    assert "stopped" in outcome.message


def test_a_container_that_stopped_between_poll_and_fetch_is_not_thought_whole(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """Azure has cut its log then, though the poll before saw it run."""
    world.accept("run_s=1", "lines=3000")
    create(world)
    aci_emulator.admin.advance(30)
    assert fetch(world).truncated


def test_a_large_first_window_of_a_running_container_is_whole(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """It counts as lost lines only where the container has stopped."""
    world.accept("run_s=1000", "lines=1000")
    create(world)
    aci_emulator.admin.advance(999.5)
    assert not fetch(world).truncated
    (kept,) = world.memory_logs.logs.values()
    assert kept.count(b"\n") == 1000


def test_capacity_that_is_missing_is_told_by_the_group(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """The create was accepted; what failed later shows in the next poll."""
    world.accept("run_s=5")
    aci_emulator.admin.add_fault("capacity_async")
    assert isinstance(create(world), Created)
    aci_emulator.admin.advance(60)
    seen = check(world)
    assert isinstance(seen, Seen)
    assert seen.outcome is not None
    assert (seen.stage, seen.outcome.reason) == ("ended", "NoCapacity")


def test_a_delete_that_azure_has_not_finished_is_not_thought_done(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """Gone is what a read has not found."""
    world.accept("run_s=500")
    create(world)
    aci_emulator.admin.add_fault(
        "respond", operation="ContainerGroups_Delete", status=202, body={}, times=1
    )
    assert isinstance(finish(world, Outcome.cancelled()), Deleting)
    finished = finish(world, Outcome.cancelled())
    assert isinstance(finished, Finished)
    assert finished.clean_up is CleanUp.DELETED


def test_a_group_that_is_not_there_is_deleted_without_complaint(groups: AciContainerGroups) -> None:
    """Azure answers 204."""
    groups.delete("job-j")
    assert groups.get("job-j") is None


def test_the_containers_before_and_beside_the_jobs_own_are_seen_and_archived(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """An init container while the others wait for it; all of them at the job's end."""
    init = {"name": "fetch", "image": "alpine:3.20", "command": ["script", "run_s=6", "lines=2"]}
    side = {"name": "proxy", "image": "alpine:3.20", "command": ["script", "run_s=60", "lines=3"]}
    others = {"initContainers": [init], "sidecars": [side | {"cpu": 1, "memoryGb": 1}]}
    world.accept("run_s=5", "lines=1", **others)
    assert isinstance(create(world), Created)
    aci_emulator.admin.advance(4)
    found = world.real.get(world.group.name)
    assert found is not None
    assert [(c.name, c.state) for c in found.seen.init_containers] == [("fetch", "Running")]
    early = check(world, log_is_due=True)
    assert isinstance(early, Seen)
    assert early.log is None
    assert early.other_logs is not None
    assert set(early.other_logs) == {"fetch"}
    aci_emulator.admin.advance(30)
    late = check(world, log_is_due=True, other_logs=early.other_logs)
    assert isinstance(late, Seen)
    assert (late.stage, set(late.other_logs or {})) == ("ended", {"fetch", "proxy"})
    assert late.outcome is not None
    assert [end.name for end in late.outcome.containers] == ["fetch", "job", "proxy"]
    finished = finish(world, late.outcome)
    assert isinstance(finished, Finished | Deleting)
    assert finished.log.of("fetch").complete
    assert finished.log.of("proxy").archived_bytes > 0


def test_an_init_container_that_fails_ends_the_job(
    world: EmulatedWorld, aci_emulator: InProcessEmulator
) -> None:
    """By what the service shows of it."""
    init = {
        "name": "fetch",
        "image": "alpine:3.20",
        "command": ["script", "run_s=1", "exit_code=4"],
    }
    world.accept("run_s=5", initContainers=[init])
    create(world)
    aci_emulator.admin.advance(20)
    reply = check(world)
    assert isinstance(reply, Seen)
    assert reply.outcome is not None
    assert reply.outcome.reason == "InitContainerFailed"
    assert "'fetch' exited with code 4" in reply.outcome.message
