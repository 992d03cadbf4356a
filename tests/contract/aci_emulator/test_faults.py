"""Each fault the emulator offers, as the SDK's side sees it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from aci_emulator_targets import EmulatorTarget, container, eventually, group_of

if TYPE_CHECKING:
    from aci_emulator.admin.client import AdminClient
    from aci_emulator.in_process import InProcessEmulator

_RG = "acijobs"
_CUT = (ServiceRequestError, ServiceResponseError, IncompleteReadError)


@pytest.fixture
def admin(aci_emulator: InProcessEmulator) -> AdminClient:
    return aci_emulator.admin


@pytest.fixture
def groups(emulated: EmulatorTarget) -> Any:
    return emulated.client.container_groups


def _create(groups: Any, name: str = "job", *, polling: bool = False) -> Any:
    """Send the PUT; without `polling` no thread of the SDK's poller outlives the test."""
    spec = group_of(container(command=["script", "run_s=50", "lines=5"]))
    options = {"polling_interval": 0} if polling else {"polling": False}
    return groups.begin_create_or_update(_RG, name, spec, **options)


def _running(groups: Any, admin: AdminClient, name: str = "job") -> None:
    _create(groups, name, polling=True).result()
    admin.advance()


def _current(groups: Any, name: str = "job") -> Any:
    return groups.get(_RG, name).containers[0].instance_view.current_state


def _status(act: Any) -> int:
    with pytest.raises(HttpResponseError) as refused:
        act()
    return int(refused.value.status_code or 0)


def test_the_nth_request_of_an_operation_is_answered_with_any_error(
    groups: Any, admin: AdminClient
) -> None:
    """`nth` strikes exactly those requests of that operation; status, code and text are free."""
    _running(groups, admin)
    admin.add_fault(
        "respond",
        operation="ContainerGroups_Get",
        nth=[2, 3],
        status=503,
        code="ServerBusy",
        message="Try later.",
        retry_after_s=7,
    )
    groups.get(_RG, "job")
    for _ in range(2):
        with pytest.raises(HttpResponseError) as refused:
            groups.get(_RG, "job")
        assert refused.value.status_code == 503
        assert refused.value.error is not None
        assert (refused.value.error.code, refused.value.error.message) == (
            "ServerBusy",
            "Try later.",
        )
        response: Any = refused.value.response
        assert response.headers["Retry-After"] == "7"
    groups.get(_RG, "job")
    assert [rule["struck"] for rule in admin.faults()] == [2]


def test_a_share_of_requests_fails_the_same_way_with_the_same_seed(
    groups: Any, admin: AdminClient
) -> None:
    """`share` is drawn from a seeded dice: the run can be repeated, another seed differs."""
    _running(groups, admin)

    def outcomes(seed: int) -> list[bool]:
        admin.clear_faults(seed=seed)
        admin.add_fault("respond", operation="ContainerGroups_Get", share=0.5, status=500)
        seen = []
        for _ in range(40):
            try:
                groups.get(_RG, "job")
                seen.append(True)
            except HttpResponseError:
                seen.append(False)
        return seen

    first = outcomes(1)
    assert outcomes(1) == first
    assert outcomes(2) != first
    assert 8 <= sum(first) <= 32


def test_a_body_can_be_anything(groups: Any, admin: AdminClient) -> None:
    """`body` replaces ARM's shape altogether."""
    admin.add_fault("respond", status=502, body={"gateway": "down"}, times=1)
    with pytest.raises(HttpResponseError) as refused:
        groups.get(_RG, "job")
    response: Any = refused.value.response
    assert json.loads(response.text()) == {"gateway": "down"}


def test_rules_can_be_lifted_and_aimed_at_groups(groups: Any, admin: AdminClient) -> None:
    """`group` aims a rule at names; a removed rule strikes no more."""
    _running(groups, admin, "job-a")
    _running(groups, admin, "other")
    rule = admin.add_fault("respond", group="job-*", status=500)
    groups.get(_RG, "other")
    assert _status(lambda: groups.get(_RG, "job-a")) == 500
    admin.remove_fault(rule)
    groups.get(_RG, "job-a")


def test_a_create_whose_reply_is_lost_has_still_created_the_group(
    groups: Any, admin: AdminClient
) -> None:
    """`drop_reply` does the work and cuts the connection: the client sees an error."""
    admin.add_fault("drop_reply", operation="ContainerGroups_CreateOrUpdate", times=1)
    with pytest.raises(_CUT):
        _create(groups)
    assert groups.get(_RG, "job").name == "job"


def test_a_create_answered_with_an_error_may_have_created_the_group(
    groups: Any, admin: AdminClient
) -> None:
    """`respond_after` does the work and then answers an error."""
    admin.add_fault("respond_after", operation="ContainerGroups_CreateOrUpdate", status=500)
    assert _status(lambda: _create(groups)) == 500
    assert groups.get(_RG, "job").name == "job"


def test_a_cut_connection_does_nothing(groups: Any, admin: AdminClient) -> None:
    """`disconnect` closes before the work is done."""
    admin.add_fault("disconnect", operation="ContainerGroups_CreateOrUpdate", times=1)
    with pytest.raises(_CUT):
        _create(groups)
    with pytest.raises(ResourceNotFoundError):
        groups.get(_RG, "job")


def test_a_delayed_answer_comes_late(groups: Any, admin: AdminClient) -> None:
    """`delay` holds a request back in real time."""
    _running(groups, admin)
    admin.add_fault("delay", operation="ContainerGroups_Get", delay_s=0.3)
    began_s = time.monotonic()
    groups.get(_RG, "job")
    assert time.monotonic() - began_s >= 0.3


def test_the_region_can_be_full_at_once(groups: Any, admin: AdminClient) -> None:
    """`capacity` refuses the PUT: 409 ServiceUnavailable, which the SDK calls ResourceExists."""
    admin.add_fault("capacity", times=1)
    with pytest.raises(ResourceExistsError) as refused:
        _create(groups)
    assert refused.value.error is not None
    assert refused.value.error.code == "ServiceUnavailable"
    assert "Resource requested: '1' CPU '1' GB memory 'Linux' OS" in (
        refused.value.error.message or ""
    )
    _create(groups)


def test_the_region_can_turn_out_full_after_the_create_was_accepted(
    groups: Any, admin: AdminClient
) -> None:
    """`capacity_async`: the operation fails with a message and no code; provisioning is Failed."""
    admin.add_fault("capacity_async", times=1)
    poller = _create(groups, polling=True)
    with pytest.raises(HttpResponseError) as refused:
        poller.result()
    assert refused.value.status_code == 200
    assert refused.value.error is not None
    assert refused.value.error.code is None
    assert "not available in the location 'eastus'" in str(refused.value)
    group = groups.get(_RG, "job")
    assert group.provisioning_state == "Failed"
    assert group.instance_view.state == "Pending"
    assert [event.name for event in group.instance_view.events] == ["InsufficientCapacity."]


def test_a_group_can_be_stuck_pending_until_it_times_out(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """`stuck_pending`: nothing starts; after 30 minutes provisioning is Failed, and still nothing."""
    admin.add_fault("stuck_pending")
    poller = _create(groups, polling=True)
    admin.advance(1799)
    assert groups.get(_RG, "job").provisioning_state == "Pending"
    admin.advance(2)
    with pytest.raises(HttpResponseError):
        poller.result()
    group = groups.get(_RG, "job")
    assert (group.provisioning_state, group.instance_view.state) == ("Failed", "Pending")
    groups.begin_delete(_RG, "job").result()


def test_whoever_waits_for_a_deleted_group_is_told(groups: Any, admin: AdminClient) -> None:
    """The create's operation ends Canceled when the group is deleted before it started."""
    admin.add_fault("stuck_pending")
    poller = _create(groups, polling=True)
    groups.begin_delete(_RG, "job").result()
    with pytest.raises(HttpResponseError, match="was deleted"):
        poller.result()


def test_a_group_can_be_in_repair_for_ever(groups: Any, admin: AdminClient) -> None:
    """`repairing` takes the group away again and again; provisioning shows Repairing."""
    admin.add_fault("repairing", after_s=10, period_s=20)
    _running(groups, admin)
    admin.advance(9)
    assert groups.get(_RG, "job").provisioning_state == "Succeeded"
    starts = []
    for _ in range(3):
        admin.advance(20)
        events = groups.get(_RG, "job").containers[0].instance_view.events
        starts.append(next(event.count for event in events if event.name == "Started"))
    assert starts == [2, 3, 4]


def test_a_group_under_repair_refuses_changes(
    groups: Any, admin: AdminClient, aci_emulator: InProcessEmulator
) -> None:
    """While Repairing, a PUT is answered ContainerGroupTransitioning."""
    admin.add_fault("delay", operation="nothing")
    _running(groups, admin)
    entry = aci_emulator.emulator.service.groups.find(_RG, "job")
    assert entry is not None
    entry.group.provisioning = "Repairing"
    with pytest.raises(ResourceExistsError) as refused:
        _create(groups)
    assert refused.value.error is not None
    assert refused.value.error.code == "ContainerGroupTransitioning"


def test_the_platform_can_restart_a_container_whatever_the_policy(
    groups: Any, admin: AdminClient
) -> None:
    """`platform_restart`: with policy Never the container still starts again, restartCount 1."""
    _running(groups, admin)
    admin.befall("job", "platform_restart", exit_code=7148)
    admin.advance(1)
    view = groups.get(_RG, "job").containers[0].instance_view
    assert view.restart_count == 1
    assert view.current_state.state == "Running"
    assert (view.previous_state.state, view.previous_state.exit_code) == ("Terminated", 7148)


def test_an_evicted_group_comes_back_by_itself(groups: Any, admin: AdminClient) -> None:
    """`evict` kills the containers and starts the group anew."""
    _running(groups, admin)
    before = _current(groups).start_time
    admin.advance(5)
    admin.befall("job", "evict")
    admin.advance(1)
    after = _current(groups)
    assert after.state == "Running"
    assert after.start_time > before


def test_a_group_can_vanish(groups: Any, admin: AdminClient) -> None:
    """`vanish`: the group is gone though nobody deleted it, and nothing of it runs."""
    admin.add_fault("vanish", after_s=10)
    _running(groups, admin)
    admin.advance(9)
    groups.get(_RG, "job")
    admin.advance(2)
    with pytest.raises(ResourceNotFoundError):
        groups.get(_RG, "job")
    assert admin.groups() == []


def test_logs_can_fail_while_the_group_is_fine(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """A `respond` rule on `Containers_ListLogs` breaks logs alone."""
    _running(groups, admin)
    admin.add_fault("respond", operation="Containers_ListLogs", status=500)
    logs: Any = emulated.client.containers
    assert _status(lambda: logs.list_logs(_RG, "job", "main")) == 500
    assert _current(groups).state == "Running"


def test_the_service_clock_can_be_wrong(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """Skew shifts every time the service tells: states, events and log stamps."""
    _running(groups, admin, "straight")
    admin.skew(3600)
    _running(groups, admin, "skewed")
    ahead = _current(groups, "skewed").start_time - _current(groups, "straight").start_time
    assert 3590 < ahead.total_seconds() < 3610
    logs: Any = emulated.client.containers
    stamps = [
        logs.list_logs(_RG, name, "main", timestamps=True).content[:13]
        for name in ("straight", "skewed")
    ]
    assert stamps[0] != stamps[1]


def test_an_expired_token_is_refused_until_a_new_one_is_fetched(
    groups: Any, admin: AdminClient
) -> None:
    """`expire_token` answers 401; the SDK drops its token, and the next request has a new one."""
    _running(groups, admin)
    admin.add_fault("expire_token", operation="ContainerGroups_Get", times=1)
    with pytest.raises(ClientAuthenticationError) as refused:
        groups.get(_RG, "job")
    assert refused.value.status_code == 401
    assert "ExpiredAuthenticationToken" in str(refused.value)


def test_a_full_read_bucket_is_429_with_retry_after(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """A 429 by rule, with Retry-After, is retried by the default SDK client without being seen."""
    _running(groups, admin)
    patient = EmulatorTarget(emulated.emulator)
    admin.add_fault(
        "respond",
        operation="ContainerGroups_Get",
        status=429,
        code="SubscriptionRequestsThrottled",
        retry_after_s=1,
        times=1,
    )
    try:
        assert patient.client.container_groups.get(_RG, "job").name == "job"
    finally:
        patient.close()
    assert admin.requests(group="job")["operations"]["ContainerGroups_Get"] >= 2


def test_eventually_all_is_well_without_rules(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """Once the rules are lifted a job runs to its end."""
    admin.add_fault("respond", status=500)
    assert _status(lambda: groups.get(_RG, "job")) == 500
    admin.clear_faults()
    _running(groups, admin)
    eventually(emulated, lambda: _current(groups).state == "Terminated", step_s=10)
    assert _current(groups).exit_code == 0


def test_a_group_that_exists_can_be_missing_for_a_while(
    groups: Any, admin: AdminClient, emulated: EmulatorTarget
) -> None:
    """`for_s`: GET says 404 for ten seconds from the first look on; the list is right meanwhile."""
    _running(groups, admin)
    get = "ContainerGroups_Get"
    admin.add_fault("respond", operation=get, group="job", status=404, for_s=10)
    for _ in range(2):
        with pytest.raises(ResourceNotFoundError) as missing:
            groups.get(_RG, "job")
        assert missing.value.error is not None
        assert missing.value.error.code == "ResourceNotFound"
        assert [group.name for group in groups.list_by_resource_group(_RG)] == ["job"]
        admin.advance(9)
    assert groups.get(_RG, "job").name == "job"


def test_a_group_that_exists_can_be_missing_a_few_times(groups: Any, admin: AdminClient) -> None:
    """`times`: the first three looks after the create say 404, the fourth is right."""
    admin.add_fault("respond", operation="ContainerGroups_Get", status=404, times=3)
    _create(groups)
    for _ in range(3):
        assert _status(lambda: groups.get(_RG, "job")) == 404
    assert groups.get(_RG, "job").name == "job"


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "TooManyRequests"), (404, "ResourceNotFound"), (503, "ServiceUnavailable"),
     (403, "AuthorizationFailed"), (500, "InternalServerError"), (418, "InternalServerError")],
)  # fmt: skip
def test_a_status_alone_is_answered_in_arms_words(
    groups: Any, admin: AdminClient, status: int, code: str
) -> None:
    """A rule with only a status has the code that belongs to it."""
    admin.add_fault("respond", status=status)
    with pytest.raises(HttpResponseError) as refused:
        groups.get(_RG, "job")
    assert refused.value.error is not None
    assert (refused.value.status_code, refused.value.error.code) == (status, code)


def test_a_container_can_wait_for_ever_though_it_was_tried(groups: Any, admin: AdminClient) -> None:
    """`unstartable`: Waiting, restartCount 3, provisioning Failed, whatever the policy."""
    admin.add_fault("unstartable")
    _create(groups)
    admin.advance(100)
    group = groups.get(_RG, "job")
    view = group.containers[0].instance_view
    assert (view.current_state.state, view.restart_count) == ("Waiting", 3)
    assert (group.provisioning_state, group.instance_view.state) == ("Failed", "Pending")
    assert [event.name for event in view.events] == ["Pulling", "Pulled", "Failed"]
    assert admin.containers("job")[0]["starts"] == 0
    groups.begin_delete(_RG, "job", polling=False)
    assert _status(lambda: groups.get(_RG, "job")) == 404


def test_tag_names_can_come_back_in_another_letter_case(groups: Any, admin: AdminClient) -> None:
    """`recase_tags`, by rule or by order: the values and all else stay."""
    admin.add_fault("recase_tags", group="ruled", after_s=5)
    spec = group_of(container(command=["script", "run_s=50"]))
    spec.tags = {"Acijobs-Job": "a", "owner": "B"}
    for name in ("ruled", "ordered"):
        groups.begin_create_or_update(_RG, name, spec, polling=False)
    admin.advance(6)
    admin.befall("ordered", "recase_tags")
    admin.advance()
    for name in ("ruled", "ordered"):
        assert groups.get(_RG, name).tags == {"aCIJOBS-jOB": "a", "OWNER": "B"}
        assert _current(groups, name).state == "Running"
