"""What command line clients ask of Resource Manager before they ask for container groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aci_emulator_raw import fetch_token

if TYPE_CHECKING:
    from aci_emulator_raw import RawClient

_NOBODY = {"Authorization": ""}
_ANY_VERSION = "2022-12-01"


@pytest.mark.parametrize("version", ["2015-01-01", "2022-09-01"])
def test_the_cloud_is_described_to_who_has_no_token(raw: RawClient, version: str) -> None:
    """A sign-in begins here; no endpoint it names leads anywhere else, and its audience is good."""
    reply = raw.call("GET", "/metadata/endpoints", headers=_NOBODY, api_version=version)
    assert reply.status == 200
    assert reply.body["authentication"]["loginEndpoint"] == f"{raw.env['ARM_ENDPOINT']}/"
    for audience in reply.body["authentication"]["audiences"]:
        raw.token = fetch_token(raw.env, audience)
        assert raw.call("GET", raw.groups_path).status == 200


def test_the_cloud_has_no_other_description(raw: RawClient) -> None:
    """The shape of other versions is not known."""
    reply = raw.call("GET", "/metadata/endpoints", api_version="2019-05-01")
    assert (reply.status, reply.body["error"]["code"]) == (400, "InvalidApiVersionParameter")


def test_there_is_one_tenant_with_one_subscription(raw: RawClient) -> None:
    """The lists and the subscription itself say the same."""
    [tenant] = raw.call("GET", "/tenants", api_version=_ANY_VERSION).body["value"]
    [listed] = raw.call("GET", "/subscriptions", api_version=_ANY_VERSION).body["value"]
    assert listed["subscriptionId"] == raw.env["AZURE_SUBSCRIPTION_ID"]
    assert listed["tenantId"] == tenant["tenantId"]
    assert listed["state"] == "Enabled"
    assert raw.call("GET", listed["id"], api_version=_ANY_VERSION).body == listed


@pytest.mark.parametrize("path", ["/tenants", "/subscriptions", "{group}"])
def test_they_want_a_token(raw: RawClient, path: str) -> None:
    """All but the description of the cloud."""
    path = path.replace("{group}", group_path(raw, raw.env["RESOURCE_GROUP"]))
    reply = raw.call("GET", path, headers=_NOBODY, api_version=_ANY_VERSION)
    assert (reply.status, reply.body["error"]["code"]) == (401, "AuthenticationFailed")


def group_path(raw: RawClient, name: str) -> str:
    return f"/subscriptions/{raw.env['AZURE_SUBSCRIPTION_ID']}/resourcegroups/{name}"


def test_a_resource_group(raw: RawClient) -> None:
    """Listed and shown, in any letter case; it has the location that groups get by default."""
    path = group_path(raw, raw.env["RESOURCE_GROUP"])
    shown = raw.call("GET", path.upper(), api_version=_ANY_VERSION).body
    assert (shown["name"], shown["location"]) == ("acijobs", "eastus")
    listed = raw.call("GET", group_path(raw, ""), api_version=_ANY_VERSION).body["value"]
    assert listed == [shown]
    assert raw.call("HEAD", path, api_version=_ANY_VERSION).status == 204


def test_a_resource_group_that_there_is_not(raw: RawClient) -> None:
    """404, to GET with its code."""
    reply = raw.call("GET", group_path(raw, "nowhere"), api_version=_ANY_VERSION)
    assert (reply.status, reply.body["error"]["code"]) == (404, "ResourceGroupNotFound")
    raw.drop_connection()
    path = group_path(raw, "nowhere")
    assert raw.call("HEAD", path, api_version=_ANY_VERSION).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_resource_groups_are_a_setting(raw: RawClient, method: str) -> None:
    """A change is refused, loudly."""
    reply = raw.call(method, group_path(raw, "acijobs"), api_version=_ANY_VERSION)
    assert (reply.status, reply.body["error"]["code"]) == (400, "NotSupportedByEmulator")


@pytest.mark.parametrize("path", ["/{path}", "{path}//", "{slashed}"])
def test_several_slashes_are_one(raw: RawClient, path: str) -> None:
    """As az sends them: `…/Microsoft.ContainerInstance//containerGroups`."""
    slashed = raw.groups_path.replace("/containerGroups", "//containerGroups")
    sent = path.format(path=raw.groups_path, slashed=slashed)
    reply = raw.call("GET", sent)
    assert (reply.status, reply.body) == (200, {"value": []})
