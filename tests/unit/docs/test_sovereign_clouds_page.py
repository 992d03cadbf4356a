"""docs/guides/sovereign-clouds.md names the hosts that Microsoft's own libraries name."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.settings.arm import ArmSettings
from acijobs.settings.reading import read
from sovereign_clouds import Cloud, clouds_on_page

ROOT = Path(__file__).parents[3]
LIBRARIES = {
    "AzureCloud": (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    "AzureUSGovernment": (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    "AzureChinaCloud": (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
}
CLOUDS = clouds_on_page()
REPLACEABLE = {
    "acijobs/settings/arm.py": "`ArmEndpoint`",
    "acijobs/settings/storage.py": "`AzureWebJobsStorage__accountName`",
    "acijobs/secret_sources/vault_hosts.py": "every cloud's domain",
    "acijobs/secret_sources/sources.py": "an example in a message",
    "acijobs/domain/spec/secret.py": "an example in a message",
}
"""The only files of the app that name a host of the public cloud, and why they may."""
_HOSTS = re.compile(r"[\w.-]*\b(?:azure\.(?:com|net)|windows\.net|microsoftonline\.com)\b")


def test_the_page_has_every_cloud_that_the_libraries_know() -> None:
    """The public one first."""
    assert [cloud.name for cloud in CLOUDS] == list(LIBRARIES)


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.name)
def test_the_hosts_are_those_of_the_libraries(cloud: Cloud) -> None:
    """Resource Manager's and the authority's."""
    known, authority = LIBRARIES[cloud.name]
    assert get_arm_endpoints(known)["resource_manager"] == f"{cloud.arm}/"
    assert urlsplit(cloud.authority).netloc == authority


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.name)
def test_a_vault_of_each_cloud_is_known_as_one(cloud: Cloud) -> None:
    """Without a setting."""
    assert VaultHosts().has(f"my.{cloud.vaults}")
    assert not VaultHosts().has(f"my.{cloud.storage}")


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.name)
def test_the_scope_follows_the_endpoint(cloud: Cloud) -> None:
    """With or without the slash that the templates put behind it."""
    for endpoint in (cloud.arm, f"{cloud.arm}/"):
        assert read(ArmSettings, {"ArmEndpoint": endpoint}).scope == f"{cloud.arm}/.default"


def test_the_templates_name_no_host_of_a_cloud() -> None:
    """They take all of them from the cloud that they are deployed to."""
    templates = sorted((ROOT / "infra").glob("*.bicep"))
    code = {
        path.name: [
            re.sub(r"(?:^|\s)//.*|^@description.*", "", line)
            for line in path.read_text("utf-8").splitlines()
        ]
        for path in templates
    }
    assert [(name, line) for name in code for line in code[name] if _HOSTS.search(line)] == []
    assert any("environment().resourceManager" in line for line in code["app.bicep"])


def test_no_host_of_the_public_cloud_stands_where_no_setting_replaces_it() -> None:
    """In the deployed code: a new one must be a setting, or an example."""
    folders = ["acijobs", *(path.parent.name for path in ROOT.glob("*/function.json"))]
    naming = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if _HOSTS.search(line) and "Source:" not in line
    }
    assert naming == set(REPLACEABLE)
