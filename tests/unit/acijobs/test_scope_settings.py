"""Settings of where groups are created, and of whose they are."""

from __future__ import annotations

import pytest

from acijobs.settings.reading import read
from acijobs.settings.scope import ScopeSettings
from operators_settings import GOOD, REGIONS, problems, wrong

SUBSCRIPTION = GOOD["AZURE_SUBSCRIPTION_ID"]
OTHER = SUBSCRIPTION.replace("a", "B")


def test_a_list_of_scopes_stands_in_for_the_one() -> None:
    """Which then need not be set, and may be wrong; regions may be a list as well."""
    scopes = {"JobScopes": f"{SUBSCRIPTION}/rg-1, {OTHER}/rg_(2),", "Location": "westus, eastus"}
    for one in ({}, {"AZURE_SUBSCRIPTION_ID": "", "ResourceGroupName": "ends.with."}):
        chosen = read(ScopeSettings, GOOD | one | scopes)
        assert chosen.scopes == ((SUBSCRIPTION, "rg-1"), (OTHER, "rg_(2)"))
        assert chosen.locations == ("westus", "eastus")
    assert read(ScopeSettings, GOOD).scopes == ((SUBSCRIPTION, "my-jobs_(1).x"),)


def test_each_wrong_scope_is_named_once() -> None:
    """With its number and what would be right; what the list replaces is not asked for besides."""
    found = problems(
        {
            "JobScopes": f"{SUBSCRIPTION}/rg, mine/rg, {SUBSCRIPTION}, {OTHER}/ends.with.",
            "Location": "eastus, West US",
            "JobStoreUrl": "https://a",
            "LogArchiveUrl": "https://a",
        }
    )
    right = (
        "it must be <subscription id>/<resource group>, or up to 20 different ones with commas "
        "between them; AZURE_SUBSCRIPTION_ID and ResourceGroupName do not count beside it"
    )
    assert found == (
        f"JobScopes has 'mine/rg' at number 2; {right}",
        f"JobScopes has '{SUBSCRIPTION}' at number 3; {right}",
        f"JobScopes has '{OTHER}/ends.with.' at number 4; {right}",
        f"Location has 'West US' at number 2; it must be {REGIONS}",
    )


@pytest.mark.parametrize(
    "scopes",
    [
        *(",", f"{SUBSCRIPTION}/rg,{SUBSCRIPTION.upper()}/RG"),
        ",".join(f"{SUBSCRIPTION}/rg-{number}" for number in range(21)),
    ],
)
def test_a_list_of_scopes_names_each_of_at_most_twenty_once(scopes: str) -> None:
    """Azure compares names without letter case."""
    [problem] = wrong(ScopeSettings, JobScopes=scopes)
    assert "different ones" in problem


def test_the_app_is_named_by_its_setting_or_by_azure() -> None:
    """Two apps may share a resource group, and each deletes only its own groups."""
    site = GOOD | {"WEBSITE_SITE_NAME": "site"}
    assert read(ScopeSettings, site).app_name == "site"
    assert read(ScopeSettings, site | {"AppName": ""}).app_name == "site"
    assert read(ScopeSettings, site | {"AppName": "mine"}).app_name == "mine"


def test_outside_azure_the_app_is_named_acijobs() -> None:
    """No site has a name there."""
    assert read(ScopeSettings, GOOD).app_name == "acijobs"
    assert read(ScopeSettings, GOOD | {"AppName": "mine"}).app_name == "mine"
