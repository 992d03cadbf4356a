"""All settings together, and those with a line or two of their own."""

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
from operators_settings import GOOD, REGIONS, problems, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = sorted(
    {
        name
        for concern in ALL_CONCERNS
        for field in concern.model_fields.values()
        for name in names_of(field)
    }
)


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
