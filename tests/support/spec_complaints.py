"""What is said of a job that is wrong."""

from __future__ import annotations

from typing import Any

from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import parse

GUID = "11111111-2222-3333-4444-555555555555"
IN_GROUP = f"/subscriptions/{GUID}/resourceGroups/rg/providers"
IDENTITY = f"{IN_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/puller"
SUBNET = f"{IN_GROUP}/Microsoft.Network/virtualNetworks/net/subnets/jobs"
WEBHOOK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def job(**fields: Any) -> dict[str, Any]:
    """Return a request for a job with these fields."""
    return {"image": "alpine:3.20"} | fields


def complaints(**fields: Any) -> dict[str, str]:
    """Return what is wrong with such a job, by pointer; empty where nothing is."""
    try:
        parse(job(**fields))
    except InvalidSpecError as error:
        return {violation.pointer: violation.detail for violation in error.violations}
    return {}


def assert_bounds(field: str, good: list[Any], bad: list[Any]) -> None:
    """Check that a field takes the good values, and names itself for each of the bad ones."""
    for value in good:
        assert complaints(**{field: value}) == {}, value
    for value in bad:
        found = complaints(**{field: value})
        assert found, value
        assert all(pointer.startswith(f"#/{field}") for pointer in found), found


def volume(name: str = "data", path: str = "/data", **fields: Any) -> dict[str, Any]:
    """Return a volume; an empty directory where nothing else is said."""
    return {"name": name, "mountPath": path, **(fields or {"emptyDir": {}})}


def sidecar(name: str = "proxy", **fields: Any) -> dict[str, Any]:
    """Return a sidecar."""
    return {"name": name, "image": "envoy:1", "cpu": 0.5, "memoryGb": 0.5} | fields


EVERYTHING = job(
    command=["work"],
    environment={"MODE": "fast"},
    secrets={"TOKEN": {"value": "s3cret-1"}},
    priority="Regular",
    registry={"server": "x.azurecr.io", "user": "me", "secret": {"appSetting": "JobSecret_R"}},
    identity={"system": True, "userAssigned": [IDENTITY]},
    volumes=[
        volume(
            "share",
            "/share",
            azureFile={"share": "abc", "account": "acc", "key": {"value": "s3cret-2"}},
        ),
        volume(
            "files", "/files", secret={"a.txt": {"keyVault": "https://v.vault.azure.net/secrets/a"}}
        ),
        volume("scratch", "/scratch"),
    ],
    subnetId=SUBNET,
    dns={
        "nameServers": ["10.0.0.4"],
        "searchDomains": ["corp.example.com"],
        "options": ["ndots:2"],
    },
    initContainers=[{"name": "first", "image": "a", "secrets": {"T": {"value": "s3cret-3"}}}],
    sidecars=[sidecar(secrets={"T": {"value": "s3cret-4"}})],
    locations=["westeurope"],
    labels={"team": "data"},
    timeouts={"silentSeconds": 60},
    retry={"attempts": 3, "rules": [{"onExitCodes": [3], "action": "fail"}]},
    keepGroupSeconds=60,
    callback={"url": "https://example.com/hook", "secret": {"value": WEBHOOK_KEY}},
    maxCostUsd=1.5,
)
"""A job that has all there is."""
