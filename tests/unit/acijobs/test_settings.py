from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.errors import InvalidSettingsError
from acijobs.settings import read_settings

if TYPE_CHECKING:
    from acijobs.settings import Settings

NAMES = [
    *("AZURE_SUBSCRIPTION_ID", "ResourceGroupName", "Location", "ArmEndpoint", "LogArchiveUrl"),
    *("AzureWebJobsStorage", "DefaultCommand", "WatchMinSeconds", "WatchMaxSeconds"),
]
GOOD = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "my-jobs_(1).x",
    "Location": "westeurope",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cret",
}


def read(**changes: str) -> Settings:
    return read_settings(GOOD | changes)


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(InvalidSettingsError) as raised:
        read_settings(environment)
    assert all(problem in str(raised.value) for problem in raised.value.problems)
    return raised.value.problems


def test_four_settings_are_enough() -> None:
    """Everything else is the public cloud, the app's own storage and the default policy."""
    settings = read()
    assert settings.arm_endpoint == "https://management.azure.com"
    assert settings.arm_scope == "https://management.azure.com/.default"
    assert settings.log_archive == GOOD["AzureWebJobsStorage"]
    assert settings.app_name == "acijobs"
    assert (settings.default_image, settings.default_command) == (None, None)


def test_nothing_set_names_everything_that_is_missing() -> None:
    """All at once, with what each should be."""
    found = problems({})
    assert [problem.split(" ")[0] for problem in found] == [
        *("AZURE_SUBSCRIPTION_ID", "ResourceGroupName", "Location", "LogArchiveUrl"),
    ]


def test_every_wrong_setting_is_named_at_once() -> None:
    """With its value where that cannot be a secret."""
    found = problems(
        {
            "AZURE_SUBSCRIPTION_ID": "mine",
            "ResourceGroupName": "ends.with.",
            "Location": "West Europe",
            "ArmEndpoint": "http://localhost",
            "AzureWebJobsStorage": "s3cret",
            "DefaultCommand": "echo hello",
            "WatchMinSeconds": "0",
            "WatchMaxSeconds": "nan",
        }
    )
    assert {problem.split(" ")[0] for problem in found} == {
        *("AZURE_SUBSCRIPTION_ID", "ResourceGroupName", "Location", "ArmEndpoint"),
        *("AzureWebJobsStorage", "DefaultCommand", "WatchMinSeconds", "WatchMaxSeconds"),
    }
    assert "s3cret" not in str(found)
    assert "'West Europe'" in str(found)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"LogArchiveUrl": "https://a.blob.core.windows.net/logs?sig=s3cret"},
        {"LogArchiveUrl": "ftp://s3cret@host"},
        {"AzureWebJobsStorage": "s3cret"},
    ],
)
def test_a_secret_is_never_shown(changes: dict[str, str]) -> None:
    """Neither by the settings nor by what is wrong with them."""
    try:
        shown = repr(read(**changes))
    except InvalidSettingsError as error:
        shown = f"{error!r} {error}"
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("changes", "archive"),
    [
        ({"LogArchiveUrl": "file:///var/logs/"}, "file:///var/logs"),
        ({"LogArchiveUrl": "https://a.b/logs"}, "https://a.b/logs"),
        (
            {"AzureWebJobsStorage__accountName": "acc"},
            "https://acc.blob.core.windows.net/acijobs-logs",
        ),
        (
            {
                "AzureWebJobsStorage__accountName": "acc",
                "AzureWebJobsStorage__blobServiceUri": "https://acc.blob.core.chinacloudapi.cn/",
            },
            "https://acc.blob.core.chinacloudapi.cn/acijobs-logs",
        ),
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "UseDevelopmentStorage=true"),
    ],
)
def test_logs_are_kept_where_it_is_said_or_in_the_apps_own_storage(
    changes: dict[str, str], archive: str
) -> None:
    """A URL of one's own first; then an identity-based connection; then a connection string."""
    assert read(**changes).log_archive == archive


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://management.chinacloudapi.cn/", "https://management.chinacloudapi.cn/.default"),
        ("https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/.default"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443/.default"),
    ],
)
def test_a_sovereign_cloud_is_one_setting(endpoint: str, scope: str) -> None:
    """The tokens' scope follows the endpoint, unless it is set too."""
    assert read(ArmEndpoint=endpoint).arm_endpoint == endpoint.rstrip("/")
    assert read(ArmEndpoint=endpoint).arm_scope == scope
    assert read(ArmEndpoint=endpoint, ArmScope="x/.default").arm_scope == "x/.default"


@pytest.mark.parametrize("name", [*NAMES, "ArmScope", "DefaultImage", "AppName"])
def test_an_empty_setting_is_one_that_is_not_set(name: str) -> None:
    """Azure's portal keeps a setting whose value was removed."""
    without = {key: value for key, value in GOOD.items() if key != name}
    if name in GOOD:
        assert problems(without | {name: ""}) == problems(without)
    else:
        assert read_settings(without | {name: ""}) == read_settings(without)


def test_the_app_is_named_by_its_setting_or_by_azure() -> None:
    """Two apps may share a resource group, and each deletes only its own groups."""
    assert read(WEBSITE_SITE_NAME="site").app_name == "site"
    assert read(WEBSITE_SITE_NAME="site", AppName="mine").app_name == "mine"


def test_the_polling_interval_has_the_bounds_that_are_set() -> None:
    """The first look never comes later than the shortest interval."""
    policy = read(WatchMinSeconds="0.5", WatchMaxSeconds="10").watch
    assert (policy.first_look_s, policy.min_interval_s, policy.max_interval_s) == (0.5, 0.5, 10)
    assert (
        "WatchMinSeconds" in problems(GOOD | {"WatchMinSeconds": "20", "WatchMaxSeconds": "10"})[0]
    )


def test_a_default_command_is_a_json_list() -> None:
    """As in a request."""
    assert read(DefaultCommand='["sh", "-c", "x"]').default_command == ("sh", "-c", "x")
    for wrong in ('"x"', "[1]", "{}", "[", "sh -c x"):
        assert "DefaultCommand" in problems(GOOD | {"DefaultCommand": wrong})[0]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20)))
def test_no_setting_fails_in_another_way(environment: dict[str, str]) -> None:
    """Whatever is set, the answer is settings or the list of what is wrong."""
    try:
        read_settings(environment)
    except InvalidSettingsError as error:
        named = error.problems
    else:
        named = ()
    assert all(problem.startswith((*NAMES, "LogArchiveUrl")) for problem in named)
