"""The operator's rules, each by its setting's name."""

from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.spec.job import parse
from acijobs.domain.spec.policy import JobPolicy, refusals
from acijobs.settings.policy import PolicySettings, PriceSettings
from acijobs.settings.reading import read
from spec_complaints import EVERYTHING, IDENTITY, SUBNET, job, sidecar, volume


def broken(policy: JobPolicy, **fields: Any) -> set[tuple[str, str]]:
    """Return rule and pointer of everything that breaks the policy."""
    return {(refusal.rule, refusal.pointer) for refusal in refusals(parse(job(**fields)), policy)}


def policy(**settings: str) -> JobPolicy:
    """Return the policy that these app settings say."""
    prices = read(PriceSettings, settings).prices
    return read(PolicySettings, settings).policy(prices, own_locations=("home",))


def test_no_settings_allow_everything() -> None:
    """Whatever a job has."""
    assert refusals(parse(EVERYTHING), policy()) == ()


def test_every_image_must_be_allowed() -> None:
    """Of each container."""
    allowed = policy(AllowedImages="myteam.azurecr.io/*, alpine:3.*")
    inits = [{"name": "i", "image": "busybox"}]
    assert broken(
        allowed, initContainers=inits, sidecars=[sidecar(image="myteam.azurecr.io/p")]
    ) == {("AllowedImages", "#/initContainers/0/image")}
    [refusal] = refusals(parse(job(image="x")), allowed)
    assert refusal.detail == (
        "is not allowed by the operator's AllowedImages: myteam.azurecr.io/*, alpine:3.*"
    )


def test_attempts_that_a_rule_ignores_are_bounded_like_others() -> None:
    """Else a job would run eleven times to its end where one attempt is allowed, and paid for."""
    rule = {"onExitCodes": [1], "action": "ignore"}
    retry = {"attempts": 1, "platformAttempts": 3}
    ignoring = retry | {"rules": [rule]}
    assert broken(policy(MaxAttempts="1"), retry=retry) == set()
    assert broken(policy(MaxAttempts="3"), retry=ignoring) == {("MaxAttempts", "#/retry/attempts")}
    assert broken(policy(MaxAttempts="4"), retry=ignoring) == set()
    dear = policy(MaxJobCostUsd="2")
    assert broken(dear, retry=retry) == set()
    assert broken(dear, retry=ignoring) == {("MaxJobCostUsd", "#/maxCostUsd")}


def test_registries_are_those_pulled_from_and_those_logged_in_to() -> None:
    """A login at another registry would bring the secret there."""
    allowed = policy(AllowedRegistries="docker.io *.azurecr.io")
    login = {"server": "ghcr.io", "user": "me", "secret": {"value": "x"}}
    assert broken(allowed, image="a.azurecr.io/x", sidecars=[sidecar(image="ghcr.io/x/y")]) == {
        ("AllowedRegistries", "#/sidecars/0/image")
    }
    assert broken(allowed, registry=login) == {("AllowedRegistries", "#/registry/server")}


@pytest.mark.parametrize(
    ("settings", "good", "bad", "where"),
    [
        ({"AllowedLocations": "westeurope"}, {"locations": ["westeurope"]},
         {"locations": ["westeurope", "eastus"]}, "#/locations/1"),
        ({"AllowedLocations": "none"}, {"locations": ["home"]},
         {"locations": ["home", "eastus"]}, "#/locations/1"),
        ({"AllowedSubnets": SUBNET.upper()}, {"subnetId": SUBNET},
         {"subnetId": SUBNET + "2"}, "#/subnetId"),
        ({"AllowedIdentities": "*/jobs-*"}, {"identity": {"userAssigned": [IDENTITY[:-6] + "jobs-a"]}},
         {"identity": {"userAssigned": [IDENTITY]}}, "#/identity/userAssigned/0"),
        ({"AllowedIdentities": "none"}, {"identity": {"system": True}},
         {"registry": {"server": "x.io", "identity": IDENTITY}}, "#/registry/identity"),
        ({"AllowedKeyVaults": "v.vault.azure.net"},
         {"secrets": {"A": {"keyVault": "https://V.vault.azure.net/secrets/a"}}},
         {"volumes": [volume(secret={"f": {"keyVault": "https://w.vault.azure.net/secrets/a"}})]},
         "#/volumes/0/secret/f/keyVault"),
        ({"AllowedCallbackHosts": "*.example.com"}, {"callback": {"url": "https://a.example.com/x"}},
         {"callback": {"url": "https://evil.io/.example.com"}}, "#/callback/url"),
        ({"MaxCpu": "2"}, {"cpu": 1.5, "sidecars": [sidecar()]},
         {"cpu": 2, "sidecars": [sidecar()]}, "#/cpu"),
        ({"MaxMemoryGb": "2"}, {"memoryGb": 2}, {"memoryGb": 2.1}, "#/memoryGb"),
        ({"MaxRunSeconds": "3600"}, {"timeouts": {"runSeconds": 3600}}, {}, "#/timeouts/runSeconds"),
        ({"MaxAttempts": "2"}, {"retry": {"attempts": 2}}, {"retry": {"attempts": 3}},
         "#/retry/attempts"),
        ({"MaxJobCostUsd": "5"}, {"maxCostUsd": 5}, {"maxCostUsd": 5.01}, "#/maxCostUsd"),
        ({"MaxJobCostUsd": "5"}, {"timeouts": {"runSeconds": 3600}}, {"cpu": 8}, "#/maxCostUsd"),
        ({"RequireCostLimit": "true"}, {"maxCostUsd": 1}, {}, "#/maxCostUsd"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) and value else None,
)  # fmt: skip
def test_each_rule_allows_and_refuses(
    settings: dict[str, str], good: dict[str, Any], bad: dict[str, Any], where: str
) -> None:
    """By the name of its setting, at the field that breaks it."""
    rules = policy(**settings)
    assert broken(rules, **good) == set()
    assert broken(rules, **bad) == {(next(iter(settings)), where)}


def test_everything_that_breaks_a_rule_is_told_at_once() -> None:
    """With what would be right."""
    rules = policy(
        AllowedImages="none", MaxCpu="0.5", MaxJobCostUsd="0.01", AllowedLocations="none"
    )
    found = refusals(parse(job(locations=["eastus"])), rules)
    assert {refusal.rule for refusal in found} == {
        *("AllowedImages", "MaxCpu", "MaxJobCostUsd", "AllowedLocations"),
    }
    told = {refusal.rule: refusal.detail for refusal in found}
    assert told["MaxCpu"] == "must be at most 0.5 by the operator's MaxCpu; it is 1"
    assert "without it the job may cost 1.16 USD by its deadlines" in told["MaxJobCostUsd"]


def test_prices_are_settings() -> None:
    """In dearer regions the same bound allows less."""
    assert broken(policy(MaxJobCostUsd="2")) == set()
    assert broken(policy(MaxJobCostUsd="2", PriceVcpuHourUsd="0.081")) == {
        ("MaxJobCostUsd", "#/maxCostUsd")
    }
