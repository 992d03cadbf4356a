from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.policy import PollPolicy
from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.arm import ArmSettings
from acijobs.settings.concern import Concern, names_of
from acijobs.settings.jobs import DefaultJobSettings, PollSettings
from acijobs.settings.log_level import LogLevelSettings
from acijobs.settings.reading import check, read, read_usable
from acijobs.settings.scope import ScopeSettings
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from acijobs.settings.web import WebSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "my-jobs_(1).x",
    "Location": "westeurope",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cret",
}
REGIONS = (
    "a region's short name, like 'westeurope', or up to 10 different ones with commas between them"
)
NAMES = sorted(
    {
        name
        for concern in ALL_CONCERNS
        for field in concern.model_fields.values()
        for name in names_of(field)
    }
)


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    """Return all that is wrong in this environment."""
    with pytest.raises(InvalidSettingsError) as raised:
        check(ALL_CONCERNS, environment)
    assert all(problem in str(raised.value) for problem in raised.value.problems)
    return raised.value.problems


def wrong(concern: type[Concern], **changes: str) -> tuple[str, ...]:
    """Return what is wrong with the settings of one concern."""
    with pytest.raises(InvalidSettingsError) as raised:
        read(concern, GOOD | changes)
    return raised.value.problems


def concerns(base: type[Concern] = Concern) -> Iterator[type[Concern]]:
    """Return every model of settings that is not the base of others."""
    for kind in base.__subclasses__():
        yield from concerns(kind) if kind.__subclasses__() else [kind]


def test_four_settings_are_enough() -> None:
    """Everything else is the public cloud, the app's own storage and the default policy."""
    check(ALL_CONCERNS, GOOD)
    arm, scope, job = (read(c, GOOD) for c in (ArmSettings, ScopeSettings, DefaultJobSettings))
    assert arm.endpoint == "https://management.azure.com"
    assert arm.scope == "https://management.azure.com/.default"
    assert scope.subscription_id == GOOD["AZURE_SUBSCRIPTION_ID"]
    assert (scope.resource_group, scope.locations) == ("my-jobs_(1).x", ("westeurope",))
    assert scope.app_name == "acijobs"
    assert read(LogArchiveSettings, GOOD).where == GOOD["AzureWebJobsStorage"]
    assert read(JobStoreSettings, GOOD).where == GOOD["AzureWebJobsStorage"]
    assert (job.image, job.command) == (None, None)
    assert read(PollSettings, GOOD).policy == PollPolicy()
    assert read(LogLevelSettings, GOOD).level == "INFO"


def test_all_concerns_are_checked_before_a_job_is_accepted() -> None:
    """A model that is not in the list would be wrong unnoticed."""
    assert set(concerns()) == set(ALL_CONCERNS)


def test_nothing_set_names_everything_that_is_missing() -> None:
    """All at once, with what each should be."""
    url = "is missing, and so is AzureWebJobsStorage, which would stand in: set it to"
    folder = "or to a folder like file:///var/acijobs"
    assert problems({}) == (
        "AZURE_SUBSCRIPTION_ID is missing: set it to a subscription's GUID",
        "ResourceGroupName is missing: set it to a resource group",
        f"Location is missing: set it to {REGIONS}",
        f"LogArchiveUrl {url} a blob service's URL, {folder}",
        f"JobStoreUrl {url} a table service's URL, {folder}",
    )


def test_every_wrong_setting_is_named_at_once() -> None:
    """Once each, with what would be right, and with its value where that cannot be a secret."""
    found = problems(
        {
            "AZURE_SUBSCRIPTION_ID": "mine",
            "ResourceGroupName": "ends.with.",
            "Location": "West Europe",
            "ArmEndpoint": "http://localhost",
            "AzureWebJobsStorage": "s3cret",
            "DefaultCommand": "echo s3cret",
            "PollMinSeconds": "0",
            "PollMaxSeconds": "nan",
            "LogLevel": "loud",
        }
    )
    seconds = "a number of seconds above 0 and up to 3600"
    assert found == (
        "ArmEndpoint is 'http://localhost', which is not an https:// URL",
        "AZURE_SUBSCRIPTION_ID is 'mine', which is not a subscription's GUID",
        "ResourceGroupName is 'ends.with.', which is not a resource group",
        f"Location has 'West Europe' at number 1; it must be {REGIONS}",
        "AzureWebJobsStorage is not a storage connection string",
        'DefaultCommand is not a JSON list of strings, like ["echo", "hello"]',
        f"PollMinSeconds is '0', which is not {seconds}",
        f"PollMaxSeconds is 'nan', which is not {seconds}",
        "LogLevel is 'LOUD', which is not DEBUG, INFO, WARNING or ERROR",
    )


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


@pytest.mark.parametrize("concern", ALL_CONCERNS)
def test_every_field_has_a_name_and_tells_what_is_right(concern: type[Concern]) -> None:
    """A wrong value is answered with it."""
    for field in concern.model_fields.values():
        assert names_of(field) != ["None"]
        assert field.description


@pytest.mark.parametrize("concern", [LogArchiveSettings, JobStoreSettings, DefaultJobSettings])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"LogArchiveUrl": "https://a.blob.core.windows.net/logs?sig=s3cret"},
        {"LogArchiveUrl": "ftp://s3cret@host"},
        {"JobStoreUrl": "https://a.table.core.windows.net?sig=s3cret"},
        {"JobStoreUrl": "ftp://s3cret@host"},
        {"AzureWebJobsStorage": "s3cret"},
        {"AzureWebJobsStorage__blobServiceUri": "http://a?sig=s3cret"},
        {"AzureWebJobsStorage__tableServiceUri": "https://a?sig=s3cret"},
        {"DefaultCommand": '["login", "s3cret"]'},
        {"DefaultCommand": '["s3cret", 1]'},
    ],
)
def test_a_secret_is_never_shown(concern: type[Concern], changes: dict[str, str]) -> None:
    """Neither by the settings, nor by what is wrong with them, nor by a traceback."""
    try:
        settings = read(concern, GOOD | changes)
    except InvalidSettingsError as error:
        hidden = error.__context__
        shown = f"{error!r} {error} {''.join(traceback.format_exception(error))}"
    else:
        hidden, shown = None, f"{settings!r} {settings}"
    assert "s3cret" not in shown
    assert hidden is None


def test_pydantic_itself_shows_no_value() -> None:
    """Whoever validates without `read` does not put a key into a log."""
    with pytest.raises(ValidationError) as raised:
        LogArchiveSettings.model_validate({"AzureWebJobsStorage": "s3cret"})
    assert "s3cret" not in f"{raised.value!r} {raised.value}"


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
        (
            {"LogArchiveUrl": "file:///l", "AzureWebJobsStorage__blobServiceUri": "http://x"},
            "file:///l",
        ),
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "UseDevelopmentStorage=true"),
    ],
)
def test_logs_are_kept_where_it_is_said_or_in_the_apps_own_storage(
    changes: dict[str, str], archive: str
) -> None:
    """A URL of one's own first; then an identity-based connection; then a connection string."""
    assert read(LogArchiveSettings, GOOD | changes).where == archive


@pytest.mark.parametrize(
    ("changes", "store"),
    [
        ({"JobStoreUrl": "file:///var/jobs/"}, "file:///var/jobs"),
        ({"JobStoreUrl": "https://a.b/"}, "https://a.b"),
        ({"LogArchiveUrl": "file:///var/logs"}, GOOD["AzureWebJobsStorage"]),
        ({"AzureWebJobsStorage__accountName": "acc"}, "https://acc.table.core.windows.net"),
        (
            {
                "AzureWebJobsStorage__accountName": "acc",
                "AzureWebJobsStorage__tableServiceUri": "https://acc.table.core.chinacloudapi.cn/",
            },
            "https://acc.table.core.chinacloudapi.cn",
        ),
        ({"JobStoreUrl": "file:///j", "AzureWebJobsStorage": "not looked at"}, "file:///j"),
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "UseDevelopmentStorage=true"),
    ],
)
def test_rows_are_kept_where_it_is_said_or_in_the_apps_own_storage(
    changes: dict[str, str], store: str
) -> None:
    """As the logs are."""
    assert read(JobStoreSettings, GOOD | changes).where == store


@pytest.mark.parametrize(
    ("concern", "changes"),
    [
        (ArmSettings, {"ArmEndpoint": "http://a"}),
        (ScopeSettings, {"Location": ""}),
        (LogArchiveSettings, {"LogArchiveUrl": "ftp://a"}),
        (JobStoreSettings, {"JobStoreUrl": "ftp://a"}),
        (DefaultJobSettings, {"DefaultCommand": "x"}),
        (PollSettings, {"PollMinSeconds": "often"}),
        (LogLevelSettings, {"LogLevel": "loud"}),
    ],
)
def test_a_wrong_setting_disturbs_only_its_concern(
    concern: type[Concern], changes: dict[str, str]
) -> None:
    """A job that runs needs fewer than one that starts."""
    assert wrong(concern, **changes) == problems(GOOD | changes)
    check(set(ALL_CONCERNS) - {concern}, GOOD | changes)


def test_the_log_level_is_read_in_any_case() -> None:
    """It chooses which of the app's own lines are written."""
    assert read(LogLevelSettings, {"LogLevel": "debug"}).level == "DEBUG"


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
    arm = read(ArmSettings, {"ArmEndpoint": endpoint})
    assert (arm.endpoint, arm.scope) == (endpoint.rstrip("/"), scope)
    other = read(ArmSettings, {"ArmEndpoint": endpoint, "ArmScope": "x/.default"})
    assert other.scope == "x/.default"


@pytest.mark.parametrize("endpoint", ["http://a", "https://", "https:///a", "a", "/", "https://["])
def test_an_endpoint_is_an_https_url(endpoint: str) -> None:
    """Tokens are sent to it."""
    assert wrong(ArmSettings, ArmEndpoint=endpoint) == (
        f"ArmEndpoint is {endpoint!r}, which is not an https:// URL",
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_setting_is_one_that_is_not_set(name: str) -> None:
    """Azure's portal keeps a setting whose value was removed."""
    without = {key: value for key, value in GOOD.items() if key != name}
    empty = without | {name: ""}
    if name in GOOD:
        assert problems(empty) == problems(without)
    else:
        assert [read(c, empty) for c in ALL_CONCERNS] == [read(c, without) for c in ALL_CONCERNS]


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


def test_the_polling_interval_has_the_bounds_that_are_set() -> None:
    """The first poll never comes later than the shortest interval."""
    bounds = {"PollMinSeconds": "0.5", "PollMaxSeconds": "10"}
    policy = read(PollSettings, bounds).policy
    assert (policy.first_poll_s, policy.min_interval_s, policy.max_interval_s) == (0.5, 0.5, 10)


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"PollMinSeconds": "20", "PollMaxSeconds": "10"}, "20", "10"),
        ({"PollMaxSeconds": "1"}, "2.2", "1"),
    ],
)
def test_the_bounds_of_the_polling_interval_are_in_order(
    bounds: dict[str, str], least: str, most: str
) -> None:
    """One that is not set counts too, so both are shown."""
    assert wrong(PollSettings, **bounds) == (
        f"PollMinSeconds is {least}, which is greater than PollMaxSeconds, {most}",
    )


@pytest.mark.parametrize("text", ["-1", "0", "3600.1", "inf", "nan", "often", "1 2"])
def test_seconds_are_above_zero_and_up_to_an_hour(text: str) -> None:
    """Anything else is named, with what it should be."""
    assert "PollMinSeconds" in wrong(PollSettings, PollMinSeconds=text)[0]
    assert "PollMaxSeconds" in wrong(PollSettings, PollMaxSeconds=text)[0]


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"PollMinSeconds": "5", "PollMaxSeconds": "10"}, 5, 10),
        ({"PollMinSeconds": "often", "PollMaxSeconds": "10"}, 2.2, 10),
        ({"PollMinSeconds": "often", "PollMaxSeconds": "1"}, 2.2, 30),
        ({"PollMinSeconds": "20", "PollMaxSeconds": "10"}, 2.2, 30),
        ({"PollMinSeconds": "0", "PollMaxSeconds": "0"}, 2.2, 30),
    ],
)
def test_a_job_that_runs_is_polled_whatever_is_set(
    bounds: dict[str, str], least: float, most: float
) -> None:
    """The default takes the place of what is wrong, and of both bounds where they contradict."""
    found = read_usable(PollSettings, bounds)
    assert (found.min_seconds, found.max_seconds) == (least, most)


def test_a_default_job_has_an_image_and_a_command() -> None:
    """The command is a JSON list, as in a request."""
    job = {"DefaultImage": "alpine", "DefaultCommand": '["sh", "-c", "x"]'}
    found = read(DefaultJobSettings, job)
    assert (found.image, found.command) == ("alpine", ("sh", "-c", "x"))


@pytest.mark.parametrize(
    "text", ['"x"', "[1]", "[1, 2]", '{"a": "b"}', "{}", "null", "[", "sh -c x", "[" * 100_000]
)
def test_any_other_default_command_is_refused(text: str) -> None:
    """Once, however much of it is wrong."""
    assert wrong(DefaultJobSettings, DefaultCommand=text) == (
        'DefaultCommand is not a JSON list of strings, like ["echo", "hello"]',
    )


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20)))
def test_no_setting_fails_in_another_way(environment: dict[str, str]) -> None:
    """Whatever is set, the answer is settings or the list of what is wrong."""
    try:
        check(ALL_CONCERNS, environment)
    except InvalidSettingsError as error:
        named = error.problems
    else:
        named = ()
    assert all(problem.startswith(tuple(NAMES)) for problem in named)
    assert read_usable(PollSettings, environment).policy
    assert read_usable(LogLevelSettings, environment).level


@pytest.mark.parametrize("name", NAMES)
def test_bytes_that_are_no_text_are_named_or_taken(name: str) -> None:
    """Linux lets an environment hold any bytes; Python shows those that are not UTF-8 like this."""
    for concern in ALL_CONCERNS:
        try:
            read(concern, GOOD | {name: "https://a\udcff"})
        except InvalidSettingsError as error:
            assert str(error).encode()  # noqa: PT017 - it may as well be taken


@pytest.mark.parametrize(
    "url",
    ["http://jobs.example.com", "jobs.example.com", "https://", "https://a/x", "https://a?x=1",
     "https://a#x", "https://u:p@a"],
)  # fmt: skip
def test_the_public_address_is_a_host_without_a_path(url: str) -> None:
    """The app's routes are the same there; a path would have to be taken away by somebody."""
    assert wrong(WebSettings, PublicUrl=url) == (
        f"PublicUrl is {url!r}, which is not an https:// URL without a path",
    )


def test_the_public_address_is_taken_as_it_is() -> None:
    """A slash at the end does not count; without the setting there is none."""
    assert read(WebSettings, {"PublicUrl": "https://a.example/"}).public_url == "https://a.example"
    assert read(WebSettings, {}).public_url == ""


def test_a_credential_in_the_wrong_setting_is_not_shown() -> None:
    """What is wrong is told to callers, too: holders of a link among them."""
    wrong = {
        "RetentionDays": GOOD["AzureWebJobsStorage"],
        "LogLevel": "https://a.example/?sig=s3cret",
    }
    with pytest.raises(InvalidSettingsError) as raised:
        check(ALL_CONCERNS, GOOD | wrong)
    assert "RetentionDays" in str(raised.value)
    assert "s3cret" not in str(raised.value).lower()
