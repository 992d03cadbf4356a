"""What the service makes of a request's body, and what of it comes back."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator_raw import RawClient

_BODY: dict[str, Any] = {
    "location": "eastus",
    "tags": {"CamelCase": "1"},
    "properties": {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "properties": {
                    "image": "localhost:5000/team/app:1",
                    "command": ["script", "run_s=5", "exit_code=3"],
                    "environmentVariables": [{"name": "PascalCase", "value": "1"}],
                    "resources": {"requests": {"cpu": 1, "memoryInGB": 1.5}},
                    "volumeMounts": [{"name": "logs", "mountPath": "/logs"}],
                },
            }
        ],
        "volumes": [{"name": "logs", "secret": {"File.TXT": "aGVsbG8="}}],
    },
}


def _put(raw: RawClient, body: Any, name: str = "job") -> Any:
    reply = raw.call("PUT", f"{raw.groups_path}/{name}", body)
    assert reply.status in (200, 201), reply.body
    return reply.body


def _get(raw: RawClient, name: str = "job") -> Any:
    return raw.call("GET", f"{raw.groups_path}/{name}").body


def _spelt(body: Any, change: Any) -> Any:
    """Return the body with every member name changed, but those the user chose."""
    if isinstance(body, list):
        return [_spelt(entry, change) for entry in body]
    if not isinstance(body, dict):
        return body
    return {
        change(name): value if name in ("tags", "secret") else _spelt(value, change)
        for name, value in body.items()
    }


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_member_names_are_taken_in_any_letter_case(raw: RawClient, change: Any) -> None:
    """Microsoft's own tutorial writes `memoryInGb`; the answer has the service's spelling."""
    wanted = _put(raw, _BODY)
    found = _put(raw, _spelt(_BODY, change), "other")
    for shown in (wanted, found):
        del shown["id"], shown["name"]
    assert found == wanted
    assert found["tags"] == {"CamelCase": "1"}


def test_tags_of_a_patch_are_found_in_any_letter_case(raw: RawClient) -> None:
    """The member is the service's, the names in it the user's."""
    _put(raw, _BODY)
    patched = raw.call("PATCH", f"{raw.groups_path}/job", {"Tags": {"MyTag": "2"}})
    assert patched.body["tags"] == {"MyTag": "2"}


def test_a_body_nested_without_end_is_refused(raw: RawClient) -> None:
    """As content that cannot be read, not as an error of the service."""
    text = json.dumps(_BODY)[:-1] + ', "x": ' + "[" * 900 + "]" * 900 + "}"
    reply = raw.call("PUT", f"{raw.groups_path}/job", text.encode())
    assert reply.status in (201, 400)
    assert reply.status == 201 or reply.body["error"]["code"] == "InvalidRequestContent"


def test_a_group_is_found_by_its_name_in_any_letter_case(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """It keeps the name of its creation, and there is only one of them."""
    assert _put(raw, _BODY, "Nightly-Job")["name"] == "Nightly-Job"
    aci_emulator.admin.advance(10)
    assert _get(raw, "nightly-job")["name"] == "Nightly-Job"
    reply = raw.call("PUT", f"{raw.groups_path}/NIGHTLY-JOB", _BODY)
    assert (reply.status, reply.body["name"]) == (200, "Nightly-Job")
    aci_emulator.admin.advance(10)
    assert [g["name"] for g in raw.call("GET", raw.groups_path).body["value"]] == ["Nightly-Job"]
    assert raw.call("DELETE", f"{raw.groups_path}/nightly-JOB").status == 200
    assert raw.call("GET", f"{raw.groups_path}/Nightly-Job").status == 404


def test_no_secret_of_the_request_ever_comes_back(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """Not from PUT, GET, list or DELETE: keys, secure values, passwords, secret files, settings."""
    body = copy.deepcopy(_BODY)
    properties = body["properties"]
    properties["diagnostics"] = {
        "logAnalytics": {"workspaceId": "known", "WorkspaceKey": "hidden", "metadata": {"a": "1"}}
    }
    properties["extensions"] = [
        {"name": "e", "properties": {"version": "1", "protectedSettings": {"k": "hidden"}}}
    ]
    properties["imageRegistryCredentials"] = [
        {"server": "r.example.com", "username": "known", "password": "hidden"}
    ]
    properties["volumes"][0]["secret"]["File.TXT"] = "aGlkZGVu"  # base64 of hidden
    main = properties["containers"][0]["properties"]
    main["environmentVariables"].append({"name": "B", "secureValue": "hidden"})
    shown = [_put(raw, body), _get(raw), raw.call("GET", raw.groups_path).body]
    aci_emulator.admin.advance(10)
    shown += [_get(raw), raw.call("DELETE", f"{raw.groups_path}/job").body]
    for answer in shown:
        text = json.dumps(answer)
        assert "known" in text
        assert "hidden" not in text
        assert "aGlkZGVu" not in text


def test_an_identity_comes_back_with_the_directorys_ids(raw: RawClient) -> None:
    """The same ones at every look; a user-assigned one is the same principal in every group."""
    user = "/subscriptions/s/resourceGroups/r/providers/Microsoft.ManagedIdentity/u/x"
    body = {
        **_BODY,
        "identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user: {}}},
    }
    first, second = _put(raw, body), _put(raw, body, "other")
    identity = first["identity"]
    assert _get(raw)["identity"] == identity
    ids = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert all(re.fullmatch(ids, identity[key]) for key in ("principalId", "tenantId"))
    assert set(identity["userAssignedIdentities"][user]) == {"principalId", "clientId"}
    other = second["identity"]
    assert other["userAssignedIdentities"] == identity["userAssignedIdentities"]
    assert other["principalId"] != identity["principalId"]


def test_an_address_with_a_label_has_a_name(raw: RawClient) -> None:
    """`fqdn` follows from label and location."""
    address = {"type": "Public", "ports": [{"port": 80}], "dnsNameLabel": "front"}
    body = copy.deepcopy(_BODY)
    body["properties"]["ipAddress"] = address
    shown = _put(raw, body)["properties"]["ipAddress"]
    assert shown == {**address, "fqdn": "front.eastus.azurecontainer.io"}


def test_the_provisioning_timeout_is_the_one_in_force(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """The request's when it has one: the group is Failed after it."""
    assert _put(raw, _BODY)["properties"]["provisioningTimeoutInSeconds"] == 1800
    aci_emulator.admin.add_fault("stuck_pending")
    body = copy.deepcopy(_BODY)
    body["properties"]["provisioningTimeoutInSeconds"] = 60
    properties = _put(raw, body, "other")["properties"]
    assert properties["provisioningTimeoutInSeconds"] == 60
    assert properties["isCustomProvisioningTimeout"] is True
    aci_emulator.admin.advance(59)
    assert _get(raw, "other")["properties"]["provisioningState"] == "Pending"
    aci_emulator.admin.advance(2)
    assert _get(raw, "other")["properties"]["provisioningState"] == "Failed"


def test_times_have_the_recorded_number_of_digits(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """Seven where the service takes the time itself, three where the engine told it."""
    reply = raw.call("PUT", f"{raw.groups_path}/job", _BODY)
    aci_emulator.admin.advance(1)
    path = reply.headers["azure-asyncoperation"].removeprefix(raw.env["ARM_ENDPOINT"])
    started = raw.call("GET", path, api_version=None).body["startTime"]
    assert re.fullmatch(r".*:\d\d\.\d{7}Z", started)
    assert re.fullmatch(r".*:\d\d\.\d{3}Z", _view(raw)["currentState"]["startTime"])
    raw.call("POST", f"{raw.groups_path}/job/stop")
    assert re.fullmatch(r".*:\d\d\.\d{7}Z", _view(raw)["currentState"]["finishTime"])


def _view(raw: RawClient) -> Any:
    return _get(raw)["properties"]["containers"][0]["properties"]["instanceView"]


def test_pull_events_name_repository_and_digest(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """As recorded, also for a registry with a port."""
    _put(raw, _BODY)
    aci_emulator.admin.advance(1)
    pull, pulled = _view(raw)["events"][:2]
    image = r"localhost:5000/team/app@sha256:[0-9a-f]{64}"
    assert re.fullmatch(f'pulling image "{image}"', pull["message"])
    assert re.fullmatch(f'Successfully pulled image "{image}"', pulled["message"])


def test_a_container_that_ends_by_itself_shows_one_killing_event(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """One for each end, also under policy Never."""
    _put(raw, _BODY)
    aci_emulator.admin.advance(10)
    events = {event["name"]: event["count"] for event in _view(raw)["events"]}
    assert events == {"Pulling": 1, "Pulled": 1, "Started": 1, "Killing": 1}
