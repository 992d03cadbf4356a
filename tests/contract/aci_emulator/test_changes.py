"""What start, restart, update and delete do to a group that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aci_emulator.admin.client import AdminClient
    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator.settings import Settings
    from aci_emulator_raw import RawClient, Reply


@pytest.fixture
def aci_emulator_settings(aci_emulator_settings: Settings) -> Settings:
    """Four seconds until a deployment begins, four cores, a deletion that shows for a minute."""
    return aci_emulator_settings.changed(delays={"accept_s": 4, "gone_s": 60}, limits={"cores": 4})


@pytest.fixture
def admin(aci_emulator: InProcessEmulator) -> AdminClient:
    return aci_emulator.admin


def _body(*words: str, cpu: float = 1, image: str = "alpine") -> dict[str, Any]:
    properties = {
        "image": image,
        "command": ["script", *words],
        "resources": {"requests": {"cpu": cpu, "memoryInGB": 1}},
    }
    return {
        "location": "eastus",
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [{"name": "main", "properties": properties}],
        },
    }


def _put(raw: RawClient, body: Any, name: str = "job") -> Reply:
    return raw.call("PUT", f"{raw.groups_path}/{name}", body)


def _post(raw: RawClient, action: str, name: str = "job", **options: Any) -> Reply:
    return raw.call("POST", f"{raw.groups_path}/{name}/{action}", **options)


def _shown(raw: RawClient, name: str = "job") -> tuple[str, Any]:
    """Return the group's provisioning state and its container's view."""
    properties = raw.call("GET", f"{raw.groups_path}/{name}").body["properties"]
    return (
        properties["provisioningState"],
        properties["containers"][0]["properties"].get("instanceView"),
    )


def test_a_restart_shows_the_old_run_until_it_is_taken_down(
    raw: RawClient, admin: AdminClient
) -> None:
    """Updating, still Running since the old start; a second restart is the same one: 204."""
    _put(raw, _body("run_s=forever"))
    admin.advance(10)
    _, before = _shown(raw)
    first = _post(raw, "restart")
    second = _post(raw, "restart")
    assert (first.status, second.status) == (204, 204)
    tracking = "azure-asyncoperation"
    assert first.headers[tracking] == second.headers[tracking]
    admin.advance(3)
    provisioning, view = _shown(raw)
    assert provisioning == "Updating"
    assert view["currentState"] == before["currentState"]
    admin.advance(10)
    provisioning, view = _shown(raw)
    assert (provisioning, view["currentState"]["state"]) == ("Succeeded", "Running")
    assert view["currentState"]["startTime"] > before["currentState"]["startTime"]
    path = first.headers[tracking].removeprefix(raw.env["ARM_ENDPOINT"])
    assert raw.call("GET", path, api_version=None).body["status"] == "Succeeded"
    assert admin.containers("job")[0]["starts"] == 2


def test_a_restart_ends_with_its_group(raw: RawClient, admin: AdminClient) -> None:
    """A group deleted meanwhile is not started again; the operation is Canceled."""
    _put(raw, _body("run_s=forever"))
    admin.advance(10)
    restarted = _post(raw, "restart")
    assert raw.call("DELETE", f"{raw.groups_path}/job").status == 200
    admin.advance(100)
    path = restarted.headers["azure-asyncoperation"].removeprefix(raw.env["ARM_ENDPOINT"])
    assert raw.call("GET", path, api_version=None).body["status"] == "Canceled"
    assert admin.containers("job")[0]["starts"] == 1


def test_a_stopped_group_cannot_be_restarted(raw: RawClient, admin: AdminClient) -> None:
    """It is stopped: start it."""
    _put(raw, _body("run_s=forever"))
    admin.advance(10)
    _post(raw, "stop")
    reply = _post(raw, "restart")
    assert (reply.status, reply.body["error"]["code"]) == (409, "ContainerGroupStopped")
    assert reply.body["error"]["message"] == (
        "Container Group 'job' in resource group 'acijobs' is stopped."
    )


@pytest.mark.parametrize(("version", "status"), [("2020-11-01", 204), ("2021-03-01", 202)])
def test_start_answers_as_its_version_does(
    raw: RawClient, admin: AdminClient, version: str, status: int
) -> None:
    """204 in the versions that were recorded so, 202 from then on; it starts in both."""
    _put(raw, _body("run_s=forever"))
    admin.advance(10)
    _post(raw, "stop")
    assert _post(raw, "start", api_version=version).status == status
    admin.advance(10)
    assert _shown(raw)[1]["currentState"]["state"] == "Running"


def test_a_group_that_runs_again_needs_its_cores(raw: RawClient, admin: AdminClient) -> None:
    """Start and a PUT on a group that has ended are checked against the quota, as a create is."""
    _put(raw, _body("run_s=1", cpu=3), "ended")
    admin.advance(10)
    _put(raw, _body("run_s=30", cpu=3), "other")
    again = _put(raw, _body("run_s=1", cpu=3, image="alpine:2"), "ended")
    for reply in (_post(raw, "start", "ended"), again):
        assert (reply.status, reply.body["error"]["code"]) == (400, "ContainerGroupQuotaReached")
    assert _shown(raw, "ended")[0] == "Succeeded"
    admin.advance(100)
    assert _post(raw, "start", "ended").status == 202


def test_a_deleted_group_is_shown_for_a_while(raw: RawClient, admin: AdminClient) -> None:
    """After the 200 it is Deleting in GET and list, refuses a create of its name, and then is gone."""
    _put(raw, _body("run_s=forever"))
    admin.advance(10)
    assert raw.call("DELETE", f"{raw.groups_path}/job").status == 200
    admin.advance(59)
    assert _shown(raw)[0] == "Deleting"
    assert [g["name"] for g in raw.call("GET", raw.groups_path).body["value"]] == ["job"]
    refused = _put(raw, _body())
    assert (refused.status, refused.body["error"]["code"]) == (409, "ContainerGroupTransitioning")
    assert raw.call("DELETE", f"{raw.groups_path}/job").status == 200
    admin.advance(2)
    assert raw.call("GET", f"{raw.groups_path}/job").status == 404
    assert raw.call("DELETE", f"{raw.groups_path}/job").status == 204
    assert _put(raw, _body()).status == 201
