"""The parts that the settings name, each made when it is first needed."""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from acijobs import wiring
from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.group import Scope
from acijobs.logs.blob import BlobArchive
from acijobs.logs.folder import FolderArchive
from acijobs.rows.file import FileRows
from acijobs.rows.table import TableRows
from acijobs.settings.scope import MOST_SCOPES
from acijobs.usecases.patience import PatientGroups, PatientRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUIRED = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "rg",
    "Location": "eastus",
}
OTHERS = [
    *(
        "JobScopes",
        "LogArchiveUrl",
        "JobStoreUrl",
        "AzureWebJobsStorage",
        "AppName",
        "WEBSITE_SITE_NAME",
    ),
    *(
        "ArmEndpoint",
        "ArmScope",
        "DefaultImage",
        "DefaultCommand",
        "PollMinSeconds",
        "PollMaxSeconds",
        "LogLevel",
    ),
]
SCOPE = Scope(subscription_id="s", resource_group="rg", app="a", store="st")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the required settings are set, whatever this process inherited."""
    for name in OTHERS:
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    yield
    for made in (wiring._groups, wiring._patient_groups, wiring._logs, wiring._rows):
        made.cache_clear()


def test_one_sender_makes_all_callbacks_of_a_process() -> None:
    """It counts how many are sent at once, and making it takes as long as reading all authorities."""
    assert wiring.outside().callbacks() is wiring.patient_outside().callbacks()


def test_a_folder_may_have_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its URL is decoded."""
    folder = tmp_path / "my logs é"
    monkeypatch.setenv("LogArchiveUrl", folder.as_uri())
    archive = wiring.outside().logs()
    assert isinstance(archive, FolderArchive)
    archive.append("j/1-n/job", 0, b"x")
    assert [path.read_bytes() for path in folder.rglob("*") if path.is_file()] == [b"x"]


@pytest.mark.parametrize(
    "connection",
    [
        "UseDevelopmentStorage=true",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net",
    ],
)
def test_the_apps_own_storage_keeps_logs_and_rows(
    monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    """Also the local tools' short form of a connection string."""
    monkeypatch.setenv("AzureWebJobsStorage", connection)
    assert isinstance(wiring.outside().logs(), BlobArchive)
    assert isinstance(wiring.outside().rows(), TableRows)


def test_only_activities_wait_for_storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user who waits for an answer is told at once."""
    monkeypatch.setenv("JobStoreUrl", (tmp_path / "jobs").as_uri())
    assert isinstance(wiring.patient_outside().rows(), PatientRows)
    assert isinstance(wiring.outside().rows(), FileRows)


def test_a_url_is_reached_with_the_apps_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is needed, and nothing is asked for before it is used."""
    monkeypatch.setenv("LogArchiveUrl", "https://acc.blob.core.windows.net/logs")
    monkeypatch.setenv("JobStoreUrl", "https://acc.table.core.windows.net")
    assert isinstance(wiring.outside().logs(), BlobArchive)
    assert isinstance(wiring.outside().rows(), TableRows)


def test_a_client_is_kept_for_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One per process keeps its connections; other settings get another one, without a restart."""
    first = wiring.outside().groups(SCOPE)
    assert isinstance(first, PatientGroups)
    assert wiring.outside().groups(SCOPE) is first
    monkeypatch.setenv("ArmEndpoint", "https://management.usgovcloudapi.net")
    assert wiring.outside().groups(SCOPE) is not first


class WhenBothHaveMissed:
    """A lock that two threads have come to before either of them gets it."""

    def __init__(self) -> None:
        self._both, self._lock = threading.Barrier(2, timeout=60), threading.Lock()

    def __enter__(self) -> None:
        self._both.wait()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_that_miss_a_part_together_get_the_same_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would else have connections of its own, and those of one would be lost."""
    monkeypatch.setattr(wiring, "_MAKING", WhenBothHaveMissed())
    made: list[str] = []

    @wiring._kept(4)
    def part(name: str) -> object:
        made.append(name)
        return object()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(part, ["x", "x"])
    assert first is second is part("x")
    assert made == ["x"]


def test_the_clients_of_all_scopes_are_kept() -> None:
    """A round of the Reconciler would otherwise connect anew to each, every minute."""
    many = [replace(SCOPE, resource_group=f"rg-{number}") for number in range(MOST_SCOPES)]
    first = [wiring.outside().groups(scope) for scope in many]
    assert [wiring.outside().groups(scope) for scope in many] == first


def test_a_reader_of_logs_does_not_wait_for_an_azure_that_is_busy() -> None:
    """It is shown what is archived; the client is the one that all others use."""
    groups = wiring.outside_for_readers().groups(SCOPE)
    patient = wiring.outside().groups(SCOPE)
    assert not isinstance(groups, PatientGroups)
    assert isinstance(patient, PatientGroups)
    assert patient._groups is groups
    assert wiring.live_logs() is wiring.live_logs()


def test_a_scope_is_where_the_settings_say_with_the_stores_own_id(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Groups of another store, or of another app, are not this one's."""
    monkeypatch.setenv("JobStoreUrl", (tmp_path / "jobs").as_uri())
    monkeypatch.setenv("AppName", "mine")
    outside = wiring.outside()
    assert isinstance(outside.rows(), FileRows)
    [scope] = outside.scopes()
    assert (scope.subscription_id, scope.resource_group, scope.app) == (
        *(REQUIRED["AZURE_SUBSCRIPTION_ID"], "rg", "mine"),
    )
    assert scope.store == outside.rows().store().id == wiring.outside().scopes()[0].store


def test_the_scopes_and_regions_are_those_of_the_lists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In their order; health looks at each scope."""
    monkeypatch.setenv("JobStoreUrl", (tmp_path / "jobs").as_uri())
    one, other = REQUIRED["AZURE_SUBSCRIPTION_ID"], "b" + REQUIRED["AZURE_SUBSCRIPTION_ID"][1:]
    monkeypatch.setenv("JobScopes", f"{one}/a,{other}/b")
    monkeypatch.setenv("Location", "westeurope,northeurope")
    outside = wiring.outside()
    found = [(scope.subscription_id, scope.resource_group) for scope in outside.scopes()]
    assert found == [(one, "a"), (other, "b")]
    assert outside.locations() == ("westeurope", "northeurope")
    assert outside.job_policy().own_locations == outside.locations()
    assert list(wiring._groups_of_settings()) == [f"{one}/a", f"{other}/b"]


def test_missing_settings_are_named_by_whatever_needs_them() -> None:
    """The others go on."""
    outside = wiring.outside()
    assert outside.groups(SCOPE)
    with pytest.raises(InvalidSettingsError, match="LogArchiveUrl is missing"):
        outside.logs()
    with pytest.raises(InvalidSettingsError, match="JobStoreUrl is missing"):
        outside.rows()
    with pytest.raises(InvalidSettingsError, match="JobStoreUrl is missing"):
        wiring.settings()


def test_a_job_that_runs_is_not_disturbed_by_a_setting_it_does_not_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is followed where it was created, whatever the settings say now."""
    monkeypatch.setenv("DefaultCommand", "not JSON")
    monkeypatch.setenv("PollMinSeconds", "often")
    monkeypatch.setenv("ResourceGroupName", "")
    outside = wiring.outside()
    assert outside.groups(SCOPE)
    assert outside.poll_policy()
    with pytest.raises(InvalidSettingsError, match="ResourceGroupName"):
        outside.scopes()


def test_a_wrong_log_level_disturbs_no_job_that_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its lines are written as by default; a new job is refused."""
    monkeypatch.setenv("JobStoreUrl", (tmp_path / "jobs").as_uri())
    monkeypatch.setenv("LogArchiveUrl", (tmp_path / "logs").as_uri())
    monkeypatch.setenv("LogLevel", "debug")
    assert wiring.outside()
    assert logging.getLogger("acijobs").level == logging.DEBUG
    monkeypatch.setenv("LogLevel", "loud")
    assert wiring.outside().rows()
    assert wiring.patient_outside().rows()
    assert logging.getLogger("acijobs").level == logging.INFO
    with pytest.raises(InvalidSettingsError, match="LogLevel is 'LOUD'"):
        wiring.settings()


def test_a_group_that_exists_is_reached_whatever_the_region_is_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a new one is created in the region."""
    monkeypatch.setenv("Location", "West Europe")
    outside = wiring.outside()
    assert outside.groups(SCOPE)
    with pytest.raises(InvalidSettingsError, match="Location has 'West Europe'"):
        outside.scopes()


def test_a_new_job_is_refused_with_all_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, whichever concern each setting belongs to."""
    wrong = {"ArmEndpoint": "a", "Location": "A b", "JobStoreUrl": "a", "PollMinSeconds": "often"}
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingsError) as raised:
        wiring.settings()
    named = {problem.split(" ")[0] for problem in raised.value.problems}
    assert named == {*wrong, "LogArchiveUrl"}


def test_an_empty_request_starts_the_job_that_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its command is a JSON list."""
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    assert wiring.settings().image is None
    monkeypatch.setenv("DefaultImage", "alpine")
    monkeypatch.setenv("DefaultCommand", '["echo", "hello"]')
    assert (wiring.settings().image, wiring.settings().command) == ("alpine", ("echo", "hello"))


def test_a_nonce_is_random_and_fits_a_name() -> None:
    """10 lower-case letters and digits, and never the same twice."""
    outside = wiring.outside()
    nonces = {outside.nonce() for _ in range(200)}
    assert len(nonces) == 200
    assert all(re.fullmatch(r"[a-z0-9]{10}", nonce) for nonce in nonces)


def test_the_time_is_aware_and_in_utc() -> None:
    """Whatever zone the machine is in."""
    assert wiring.outside().clock.now().tzinfo is UTC
