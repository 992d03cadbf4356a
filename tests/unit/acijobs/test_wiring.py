from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acijobs import wiring
from acijobs.archive.blob import BlobArchive
from acijobs.archive.folder import FolderArchive
from acijobs.domain.errors import InvalidSettingsError

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "rg",
    "Location": "eastus",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the required settings are set, whatever this process inherited."""
    for name in ("LogArchiveUrl", "AzureWebJobsStorage", "AppName", "WEBSITE_SITE_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_a_folder_may_have_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its URL is decoded."""
    monkeypatch.setenv("LogArchiveUrl", (tmp_path / "my logs é").as_uri())
    archive = wiring.log_archive()
    assert isinstance(archive, FolderArchive)
    archive.append("j", 0, b"x")
    assert (tmp_path / "my logs é" / "j.log").read_bytes() == b"x"


@pytest.mark.parametrize(
    "connection",
    [
        "UseDevelopmentStorage=true",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net",
    ],
)
def test_the_apps_own_storage_keeps_the_logs(
    monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    """Also the local tools' short form of a connection string."""
    monkeypatch.setenv("AzureWebJobsStorage", connection)
    assert isinstance(wiring.log_archive(), BlobArchive)


def test_a_container_url_is_reached_with_the_apps_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is needed, and nothing is asked for before it is used."""
    monkeypatch.setenv("LogArchiveUrl", "https://acc.blob.core.windows.net/logs")
    assert isinstance(wiring.log_archive(), BlobArchive)


def test_a_client_is_kept_for_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One per process keeps its connections; other settings get another one, without a restart."""
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    first = wiring.container_groups(wiring.place())
    assert wiring.container_groups(wiring.place()) is first
    monkeypatch.setenv("Location", "westeurope")
    assert wiring.container_groups(wiring.place()) is not first


def test_missing_settings_are_named() -> None:
    """By whatever needs them; the others go on."""
    assert wiring.place().resource_group == "rg"
    with pytest.raises(InvalidSettingsError, match="LogArchiveUrl is missing"):
        wiring.log_archive()


def test_a_job_that_runs_is_not_disturbed_by_a_setting_it_does_not_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is followed where it was created, whatever the settings say now."""
    known = wiring.place().to_json()
    monkeypatch.setenv("DefaultCommand", "not JSON")
    monkeypatch.setenv("ResourceGroupName", "")
    assert wiring.place(known).resource_group == "rg"
    assert wiring.container_groups(wiring.place(known))
