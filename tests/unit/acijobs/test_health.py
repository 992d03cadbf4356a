"""GET /api/health and /api/health/deep: up, and whether all that the app depends on is there."""

from __future__ import annotations

import json
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acijobs import wiring
from acijobs.domain.errors import InvalidSettingsError, RefusedError, StorageError
from acijobs.health_checks import check_groups, check_settings, check_vaults
from acijobs.version import VERSION
from acijobs.web.health import answer_depth, answer_up
from manual_clock import ManualClock
from scripted_azure import ScriptedAzure, busy, denied

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "rg",
    "Location": "eastus",
    "JobStoreUrl": "file:///tmp/rows",
    "LogArchiveUrl": "file:///tmp/logs",
}
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/SealKeys)"


async def depth(**checks: Callable[[], None]) -> tuple[int, dict[str, Any]]:
    return await depth_within(60, **checks)


async def depth_within(
    patience_s: float, **checks: Callable[[], None]
) -> tuple[int, dict[str, Any]]:
    answer = await answer_depth(checks, patience_s=patience_s)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, json.loads(answer.get_body())


def raises(error: Exception) -> Callable[[], None]:
    def check() -> None:
        raise error

    return check


def wait(event: threading.Event) -> None:
    event.wait(30)


def well() -> None:
    """Find nothing wrong."""


def test_the_app_is_up_as_the_release_that_it_is() -> None:
    """The same one that pyproject.toml names, and host.json for orchestrations that are begun."""
    answer = answer_up()
    assert (answer.status_code, json.loads(answer.get_body())) == (
        200,
        {"status": "up", "version": VERSION},
    )
    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION
    durable = json.loads((root / "host.json").read_text("utf-8"))["extensions"]["durableTask"]
    assert (durable["defaultVersion"], durable["versionMatchStrategy"]) == (VERSION, "None")


async def test_all_is_well_where_every_part_is() -> None:
    """200, and how long each took."""
    status, body = await depth(rows=well, logs=well)
    assert (status, body["status"], body["version"]) == (200, "up", VERSION)
    assert list(body["checks"]) == ["rows", "logs"]
    assert body["checks"]["rows"]["ok"] is True
    assert body["checks"]["rows"]["problems"] == []
    assert body["checks"]["rows"]["seconds"] >= 0


async def test_one_part_that_is_not_well_makes_503_and_says_why() -> None:
    """The others are shown as they are."""
    refused = RefusedError("AuthorizationFailed", "may not read groups; password=hunter2")
    status, body = await depth(
        groups=raises(refused), rows=raises(StorageError("no answer")), logs=well
    )
    assert (status, body["status"]) == (503, "down")
    (problem,) = body["checks"]["groups"]["problems"]
    assert problem.startswith("AuthorizationFailed: may not read groups")
    assert "hunter2" not in problem
    assert "no answer" in body["checks"]["rows"]["problems"][0]
    assert body["checks"]["logs"]["ok"] is True


async def test_every_wrong_setting_is_named() -> None:
    """As in the answer to a POST."""
    wrong = InvalidSettingsError(("Location is missing", "MaxCpu is 'x'"))
    status, body = await depth(settings=raises(wrong))
    assert status == 503
    assert body["checks"]["settings"]["problems"] == ["Location is missing", "MaxCpu is 'x'"]


async def test_a_part_that_does_not_answer_is_not_waited_for() -> None:
    """Whoever asks has no patience without end."""
    never = threading.Event()
    status, body = await depth_within(1, groups=lambda: wait(never), rows=well)
    never.set()
    assert status == 503
    assert body["checks"]["groups"]["problems"] == ["did not answer within 1 s"]
    assert body["checks"]["rows"]["ok"] is True


async def test_of_an_error_that_is_not_ours_only_the_kind_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its text may hold anything; the log has it."""
    _, body = await depth(rows=raises(PermissionError("no way in")))
    assert body["checks"]["rows"]["problems"] == ["PermissionError: see the app's log"]
    (line,) = (json.loads(record.getMessage()) for record in caplog.records)
    told = {"event": "notWell", "part": "rows", "message": "PermissionError: no way in"}
    assert line == told


def test_right_settings_are_well() -> None:
    """As they are."""
    check_settings(SETTINGS)


def test_a_reference_that_the_platform_could_not_follow_is_told_as_such() -> None:
    """And not as a key of the wrong form, which would lead nowhere; what else is wrong is told, too."""
    with pytest.raises(InvalidSettingsError) as caught:
        check_settings(SETTINGS | {"SealKeys": REFERENCE, "MaxCpu": "many"})
    reference, other = caught.value.problems
    assert reference.startswith("SealKeys is a Key Vault reference that the platform could not")
    assert "'Key Vault Secrets User'" in reference
    assert other.startswith("MaxCpu is 'many'")


def test_a_required_setting_that_is_such_a_reference_is_told_once() -> None:
    """It is there, so it is not called missing."""
    with pytest.raises(InvalidSettingsError) as caught:
        check_settings(SETTINGS | {"ResourceGroupName": REFERENCE})
    (problem,) = caught.value.problems
    assert problem.startswith("ResourceGroupName is a Key Vault reference")


def test_vaults_that_are_named_in_full_are_asked() -> None:
    """A pattern names none, and `none` is no host."""
    asked: list[str] = []
    check_vaults(("none", "*.vault.azure.net", "kv.vault.azure.net", "a?.example"), asked.append)
    assert asked == ["kv.vault.azure.net"]


async def test_each_scope_that_is_not_well_is_told() -> None:
    """By its subscription and resource group; those that are well are not spoken of."""
    one, other, third = (ScriptedAzure(clock=ManualClock()) for _ in range(3))
    one.troubles["get"] = [denied()]
    third.troubles["get"] = [busy("HTTP 502")]
    scopes = {"s/one": one, "s/other": other, "t/third": third}
    _, body = await depth(containerGroups=lambda: check_groups(scopes))
    assert body["checks"]["containerGroups"]["problems"] == [
        "s/one: AuthorizationFailed: no right",
        "t/third: HTTP 502: no capacity",
    ]
    _, body = await depth(containerGroups=lambda: check_groups(scopes))
    assert body["status"] == "up"
    one.troubles["get"] = [denied()]
    _, body = await depth(containerGroups=lambda: check_groups({"s/one": one}))
    assert body["checks"]["containerGroups"]["problems"] == ["AuthorizationFailed: no right"]


async def test_the_parts_are_those_that_the_app_depends_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Storage that is there is well; Azure that cannot be reached is not, and the rest is told."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JobStoreUrl", (tmp_path / "rows").as_uri())
    monkeypatch.setenv("LogArchiveUrl", (tmp_path / "logs").as_uri())
    monkeypatch.setenv("ArmEndpoint", "http://not-https")
    status, body = await depth(**wiring.health_checks())
    assert status == 503
    well = {name: one["ok"] for name, one in body["checks"].items()}
    assert well == {
        "settings": False,
        "rows": True,
        "logs": True,
        "containerGroups": False,
        "keyVaults": True,
    }
    assert "ArmEndpoint" in body["checks"]["containerGroups"]["problems"][0]
