from __future__ import annotations

import pytest

from acijobs.domain.spec.job import parse
from spec_complaints import IDENTITY, IN_GROUP, SUBNET, assert_bounds, complaints, job

LOGIN = {"server": "x.azurecr.io", "user": "me", "secret": {"appSetting": "JobSecret_R"}}
DNS = {"nameServers": ["10.0.0.4"]}


def test_a_registry_has_one_way_in() -> None:
    """An identity, or a user and a secret."""
    assert_bounds(
        "registry",
        good=[LOGIN, {"server": "localhost:5000", "identity": IDENTITY}],
        bad=[
            {"server": "x.azurecr.io"},
            {"server": "x.azurecr.io", "user": "me"},
            {"server": "x.azurecr.io", "secret": {"value": "x"}},
            LOGIN | {"identity": IDENTITY},
            LOGIN | {"server": "https://x.azurecr.io"},
            LOGIN | {"server": "x.azurecr.io/app"},
            LOGIN | {"user": ""},
            {"server": "x.azurecr.io", "identity": "system"},
            {"identity": IDENTITY},
        ],
    )
    assert set(complaints(registry={"server": "a.io", "user": "me"})) == {"#/registry/secret"}


@pytest.mark.parametrize(
    "wrong",
    [
        f"{IN_GROUP}/Microsoft.ManagedIdentity/identities/x",
        f"{IN_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/x",
        f"{IDENTITY}/federatedIdentityCredentials/a",
        IDENTITY.removeprefix("/"),
        IDENTITY.replace("/rg/", "//"),
        IDENTITY.replace("11111111-", "1-"),
        f"{IDENTITY}\n",
        SUBNET,
    ],
)
def test_an_identity_is_a_user_assigned_one(wrong: str) -> None:
    """By its whole id; the complaint shows how one looks."""
    found = complaints(identity={"userAssigned": [IDENTITY, wrong]})
    assert "userAssignedIdentities/<name>" in found["#/identity/userAssigned/1"]


def test_ids_of_azure_are_compared_without_case() -> None:
    """As Azure does: the same identity is not named twice."""
    assert complaints(identity={"userAssigned": [IDENTITY.lower()]}) == {}
    assert set(complaints(identity={"userAssigned": [IDENTITY, IDENTITY.upper()]})) == {
        "#/identity/userAssigned"
    }


def test_the_identity_that_pulls_is_one_of_the_groups() -> None:
    """Azure pulls as an identity of the group only; it is there once, in whatever case."""
    registry = {"server": "x.azurecr.io", "identity": IDENTITY}
    assert parse(job(registry=registry)).identities == (IDENTITY,)
    both = parse(job(registry=registry, identity={"userAssigned": [IDENTITY.lower()]}))
    assert both.identities == (IDENTITY.lower(),)
    assert parse(job(registry=LOGIN)).identities == ()


def test_spot_groups_are_in_no_subnet() -> None:
    """Azure injects none into a network."""
    assert_bounds("priority", good=["Regular", "Spot"], bad=["Low", "spot", None])
    assert set(complaints(priority="Spot", subnetId=SUBNET)) == {"#/subnetId"}


def test_a_subnet_is_one_regions() -> None:
    """There is nowhere else to go."""
    assert_bounds("subnetId", good=[SUBNET], bad=[IDENTITY, f"{SUBNET}/x", 5])
    assert complaints(subnetId=SUBNET, locations=["westeurope"]) == {}
    found = complaints(subnetId=SUBNET, locations=["westeurope", "northeurope"])
    assert set(found) == {"#/locations"}


def test_names_are_resolved_another_way_in_a_subnet_only() -> None:
    """Elsewhere Azure refuses it."""
    assert set(complaints(dns=DNS)) == {"#/dns"}
    for good in (DNS, DNS | {"searchDomains": ["a.b"], "options": ["ndots:2", "rotate"]}):
        assert complaints(subnetId=SUBNET, dns=good) == {}
    for bad in (
        {},
        {"nameServers": []},
        {"nameServers": ["dns.example.com"]},
        {"nameServers": ["fe80::1%eth0\nsearch evil.example"]},
        {"nameServers": ["10.0.0.4"] * 11},
        DNS | {"searchDomains": ["a b"]},
        DNS | {"options": ["ndots: 2"]},
    ):
        assert complaints(subnetId=SUBNET, dns=bad), bad


def test_locations_are_short_names_each_once() -> None:
    """In the order in which they are tried."""
    assert_bounds(
        "locations",
        good=[[], ["westeurope", "northeurope"], ["eastus2"]],
        bad=[["West Europe"], ["westeurope", "westeurope"], "westeurope", ["r"] * 11, ["x" * 51]],
    )


def test_labels_are_the_users_own() -> None:
    """Bounded, so that many jobs can be listed."""
    assert_bounds(
        "labels",
        good=[{}, {"team": ""}, {"example.com/Team-1": "data & science=é"}, {"a" * 63: "x" * 128}],
        bad=[
            {"": "x"},
            {"-a": "x"},
            {"a=b": "x"},
            {"a" * 64: "x"},
            {"a": "x" * 129},
            {"a": "x\n"},
            {"a": 1},
            {f"l{at}": "" for at in range(21)},
        ],
    )
