"""What is deployed has no key, no public data, no wildcard, and old ways in are shut."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra_templates import SETS, app_settings, leaves, resources

REQUIRED: dict[str, dict[str, Any]] = {
    "Microsoft.Storage/storageAccounts": {
        "properties.allowBlobPublicAccess": False,
        "properties.allowSharedKeyAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.supportsHttpsTrafficOnly": True,
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {
        "properties.publicAccess": "None",
    },
    "Microsoft.Web/sites": {
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.siteConfig.ftpsState": "Disabled",
        "properties.siteConfig.remoteDebuggingEnabled": False,
        "identity.type": "UserAssigned",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": False},
    "Microsoft.KeyVault/vaults": {
        "properties.enableRbacAuthorization": True,
        "properties.enableSoftDelete": True,
        "properties.enablePurgeProtection": True,
        "properties.enabledForTemplateDeployment": False,
    },
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": True},
    "Microsoft.ContainerRegistry/registries": {"properties.adminUserEnabled": False},
}
"""What each resource of a type must say, in words: a default may change."""

KEYS = re.compile(
    r"\b(list(Keys|Secrets|AccountSas|ServiceSas|Credentials)|AccountKey|sig)\b", re.IGNORECASE
)
ON_ONE_RESOURCE = re.compile(
    r"\[extensionResourceId\(|.+/providers/.+/providers/Microsoft.Authorization/roleAssignments/"
)
SHARED_NETWORK = ("network", "premium-network", "job-vault")


@pytest.mark.parametrize("name", SETS)
def test_each_resource_says_what_keeps_it_safe(name: str) -> None:
    """Every type that has rules above."""
    wrong = [
        (one["name"], path, dict(leaves(one)).get(path))
        for one in resources(name)
        for path, value in REQUIRED.get(one["type"], {}).items()
        if dict(leaves(one)).get(path, "nothing") != value
    ]
    assert wrong == []


def test_each_rule_is_about_something() -> None:
    """A type that nothing has would prove nothing."""
    assert set(REQUIRED) <= {one["type"] for name in SETS for one in resources(name)}


@pytest.mark.parametrize("name", SETS)
def test_no_key_is_read_or_written(name: str) -> None:
    """Neither by a function of ARM nor as text; tokens do everything."""
    found = [path for path, value in leaves(resources(name)) if KEYS.search(str(value))]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "[listKeys('/subscriptions/…', '2023-05-01').keys[0].value]",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=…",
        "https://a.blob.core.windows.net/c/acijobs.zip?sp=r&sig=…",
        "[listAccountSas(…)]",
    ],
    ids=["function", "connection", "signature", "sas"],
)
def test_a_key_would_be_found(text: str) -> None:
    """In each of its forms."""
    assert KEYS.search(text)


@pytest.mark.parametrize("name", SETS)
def test_no_role_has_a_wildcard(name: str) -> None:
    """Actions are named one by one, and none is denied, which would mean that too much was allowed."""
    roles = resources(name, "Microsoft.Authorization/roleDefinitions")
    permissions = [one for role in roles for one in role["properties"]["permissions"]]
    assert permissions
    assert [one for one in permissions if set(one) != {"actions"}] == []
    assert [action for one in permissions for action in one["actions"] if "*" in action] == []


BUILT_IN = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "f1a07417-d97a-45cb-824c-7a7467783830": "Managed Identity Operator",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "0ad04412-c4d5-4796-b79c-f76d14c8d402": "Durable Task Data Contributor",
}


@pytest.mark.parametrize("name", SETS)
def test_every_role_is_our_own_or_a_narrow_one_on_one_resource(name: str) -> None:
    """No Owner, no Contributor; and no built-in role on a whole group or subscription."""
    own = {one["id"] for one in resources(name, "Microsoft.Authorization/roleDefinitions")}
    for one in resources(name, "Microsoft.Authorization/roleAssignments"):
        role = one["properties"]["roleDefinitionId"]
        if role not in own:
            assert role.rpartition("/")[2] in BUILT_IN
            assert ON_ONE_RESOURCE.match(one["id"]), f"{role} is on too much"


@pytest.mark.parametrize("name", SETS)
def test_only_who_deploys_is_given_rights_beside_identities(name: str) -> None:
    """And that is the upload of packages, on Premium."""
    others = [
        one["properties"]["roleDefinitionId"].rpartition("/")[2]
        for one in resources(name, "Microsoft.Authorization/roleAssignments")
        if one["properties"].get("principalType") != "ServicePrincipal"
    ]
    expected = ["Storage Blob Data Contributor"] if name == "premium" else []
    assert [BUILT_IN[one] for one in others] == expected


@pytest.mark.parametrize("name", SETS)
def test_jobs_cannot_read_the_vault_of_the_seal_keys(name: str) -> None:
    """The app may read it, so a job that could name it would be given the keys."""
    assert app_settings(name)["SealKeys"].startswith("[format('@Microsoft.KeyVault(SecretUri=")
    allowed = app_settings(name)["AllowedKeyVaults"]
    own = {"job-vault": "kv-jobs-", "chosen": "team.vault.azure.net"}
    assert own.get(name, "none") in allowed
    assert "*" not in allowed


@pytest.mark.parametrize("name", SHARED_NETWORK)
def test_with_a_network_storage_and_vaults_are_private(name: str) -> None:
    """Each is reached by an endpoint of its own, and by nothing else."""
    guarded = [
        *resources(name, "Microsoft.Storage/storageAccounts"),
        *resources(name, "Microsoft.KeyVault/vaults"),
    ]
    for one in guarded:
        assert one["properties"]["publicNetworkAccess"] == "Disabled"
        assert one["properties"]["networkAcls"]["defaultAction"] == "Deny"
    endpoints = resources(name, "Microsoft.Network/privateEndpoints")
    assert len(endpoints) == 3 + len(guarded) - 1
    (app,) = resources(name, "Microsoft.Web/sites")
    assert "/subnets/app" in app["properties"]["virtualNetworkSubnetId"]


@pytest.mark.parametrize("name", SETS)
def test_vaults_storage_and_app_are_watched(name: str) -> None:
    """Each of them has a diagnostic setting that leads to the workspace."""
    watched = [
        one["properties"]["workspaceId"]
        for one in resources(name, "Microsoft.Insights/diagnosticSettings")
    ]
    vaults = resources(name, "Microsoft.KeyVault/vaults")
    registries = resources(name, "Microsoft.ContainerRegistry/registries")
    assert len(watched) == 4 + len(vaults) + len(registries)
    assert all("/workspaces/" in one for one in watched)
