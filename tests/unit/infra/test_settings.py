"""The templates set, or take as a parameter, every setting that the app reads; and no other."""

from __future__ import annotations

import re
import uuid

import pytest

from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.reading import check
from documented_settings import PAGE, SETTINGS_OF_THE_HOST, settings_on, settings_read
from infra_templates import INFRA, SETS, app_settings, resources

NOT_SET = {
    "ArmScope": "follows ArmEndpoint",
    "AzureWebJobsStorage": "a connection string, and so a key",
    "AzureWebJobsStorage__accountName": "the three services are named one by one, for all clouds",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "one endpoint for both is what most have",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "likewise",
    "WEBSITE_HOSTNAME": "set by Azure",
    "WEBSITE_SITE_NAME": "set by Azure",
}
"""What the app reads and no template sets, with the reason."""


def choosable() -> set[str]:
    """Return the settings of the type `JobSettings`, which an operator may choose."""
    text = (INFRA / "settings.bicep").read_text("utf-8")
    return set(re.findall(r"^  '?([\w.]+)'?: string\?$", text, re.MULTILINE))


def set_by_templates() -> set[str]:
    """Return the settings of the app, over all sets of parameters."""
    return {name for one in SETS for name in app_settings(one)}


def test_every_setting_that_is_read_is_set_or_can_be_chosen() -> None:
    """Or is left out for a reason."""
    assert settings_read() - set_by_templates() - choosable() == set(NOT_SET)


def test_every_setting_that_is_set_is_read() -> None:
    """By the app, or by the host; a misspelt one would be neither."""
    assert set_by_templates() | choosable() <= settings_read() | SETTINGS_OF_THE_HOST


def test_every_setting_that_is_set_is_explained() -> None:
    """On the page of settings."""
    assert set_by_templates() | choosable() <= settings_on(PAGE)


@pytest.mark.parametrize("name", SETS)
def test_the_host_can_index_every_function(name: str) -> None:
    """One whose queue has no name is in error, told at each start; without a queue it is disabled."""
    settings = app_settings(name)
    is_disabled = settings.get("AzureWebJobs.QueueStart.Disabled") == "true"
    queues = {
        one["name"].rpartition("/")[2]
        for one in resources(name, "Microsoft.Storage/storageAccounts/queueServices/queues")
    }
    assert settings["JobQueueName"]
    assert is_disabled == (settings["JobQueueName"] not in queues)


@pytest.mark.parametrize("name", SETS)
def test_the_app_accepts_what_is_set(name: str) -> None:
    """As far as values are known before a deployment; expressions stand for URLs and ids here."""
    clear = {key: as_deployed(value) for key, value in app_settings(name).items()}
    clear["SealKeys"] = "AAECA__-_fz7-vn49_b19PPy8fCgsMDQ4PABAgMEBQY="  # resolved by the platform
    clear["APPLICATIONINSIGHTS_CONNECTION_STRING"] = f"InstrumentationKey={uuid.UUID(int=1)}"
    check(ALL_CONCERNS, clear)


def as_deployed(value: str) -> str:
    return "https://sample.example/" if value.startswith("[") else value


def read_of_azd() -> set[str]:
    """Return the values of azd's environment that are parameters."""
    text = (INFRA / "main.bicepparam").read_text("utf-8")
    return set(re.findall(r"readEnvironmentVariable\(\s*'(ACIJOBS_\w+)'", text))


def test_every_choice_is_in_the_guide() -> None:
    """And every one of the guide is a parameter."""
    guide = (INFRA.parent / "docs" / "guides" / "deploy.md").read_text("utf-8")
    named = set(re.findall(r"ACIJOBS_[A-Z_]+", guide))
    assert named == read_of_azd()
    assert len(named) > 10


def test_every_parameter_can_be_chosen() -> None:
    """By azd; the seal key's are left alone."""
    template = (INFRA / "main.bicep").read_text("utf-8")
    chosen = (INFRA / "main.bicepparam").read_text("utf-8")
    parameters = set(re.findall(r"^param (\w+) ", template, re.MULTILINE))
    assert parameters - {"sealSeed", "sealKey"} == set(
        re.findall(r"^param (\w+) ", chosen, re.MULTILINE)
    )


FORBIDDEN_ON_FLEX = re.compile(
    "FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|SCM_DO_BUILD_DURING_DEPLOYMENT"
    "|ENABLE_ORYX_BUILD|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*"
)


@pytest.mark.parametrize("name", [name for name in SETS if not name.startswith("premium")])
def test_flex_gets_no_setting_that_it_forbids(name: str) -> None:
    """Source: learn.microsoft.com/azure/azure-functions/functions-app-settings, Flex Consumption."""
    assert [one for one in app_settings(name) if FORBIDDEN_ON_FLEX.fullmatch(one)] == []


@pytest.mark.parametrize("name", SETS)
def test_durable_has_all_three_services_of_its_storage(name: str) -> None:
    """Blobs, queues and tables; without one of them the host does not start."""
    settings = app_settings(name)
    needed = {f"AzureWebJobsStorage__{kind}ServiceUri" for kind in ("blob", "queue", "table")}
    assert needed <= set(settings)
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
