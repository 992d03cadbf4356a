"""Jobs in three resource groups and two regions, one of each not there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.admin.client import AdminClient
from acijobs.domain.candidates import spread
from acijobs.domain.group import Scope
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

APP = Path(__file__).resolve().parents[3]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
THERE, MISSING = ("batch-a", "batch-b"), "batch-c"
REGIONS = ("eastus", "westeurope")
SCOPES = tuple(
    Scope(subscription_id=SUBSCRIPTION, resource_group=name) for name in (*THERE, MISSING)
)
JOBS = tuple(f"spread-{number}" for number in range(12))
"""Enough that each of the three scopes is the first of some of them."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose operator names three resource groups and two regions."""
    options = [
        *(("--resource-group", name) for name in THERE),
        *(("--location", name) for name in REGIONS),
    ]
    known = StackOptions(
        app=APP,
        state=tmp_path_factory.mktemp("stack"),
        port=0,
        arm_port=0,
        runtime="scripted",
        settings={
            "JobScopes": ",".join(scope.path for scope in SCOPES),
            "Location": "marsnorth,eastus",
        },
        emulator_options=tuple(word for option in options for word in option),
    )
    with LocalStack(known) as running:
        yield running


def first_scopes() -> dict[str, str]:
    """Return the resource group that each job tries first."""
    return {job: spread(SCOPES, job)[0].resource_group for job in JOBS}


def ended(stack: LocalStack, job: str) -> dict[str, Any]:
    """Return the job once its group is gone."""
    give_up_at = time.monotonic() + 60
    while True:
        shown = send("GET", f"{stack.base_url}/api/jobs/{job}").body
        if shown.get("cleanUp") == "Deleted":
            assert isinstance(shown, dict)
            return shown
        assert time.monotonic() < give_up_at, shown
        time.sleep(0.3)


def test_jobs_are_spread_over_the_resource_groups_that_are_there(stack: LocalStack) -> None:
    """Those whose first is missing, or whose region is, run elsewhere; each runs once."""
    assert set(first_scopes().values()) == {*THERE, MISSING}
    admin = AdminClient(stack.emulator_env["ACI_EMULATOR_ADMIN"])
    for job in JOBS:
        body = {"id": job, "image": "any", "command": ["script", "run_s=2", "lines=3"]}
        assert send("POST", f"{stack.base_url}/api/jobs", body=body).status == 202
    for job in JOBS:
        shown = ended(stack, job)
        assert (shown["state"], shown["exitCode"]) == ("Succeeded", 0)
        assert [attempt["location"] for attempt in shown["attempts"]] == ["eastus"]
        assert "line" in shown["logs"]
    where = {each["tags"]["acijobs-job"]: each["resourceGroup"] for each in admin.containers()}
    for job, first in first_scopes().items():
        assert where[job] == first if first in THERE else where[job] in THERE
    assert admin.groups_created() == len(JOBS)
    assert admin.groups() == []


def test_capacity_that_is_lost_in_one_region_is_found_in_the_next(stack: LocalStack) -> None:
    """The group that Azure took and could not place is deleted; the job needs no `retry`."""
    admin = AdminClient(stack.emulator_env["ACI_EMULATOR_ADMIN"])
    admin.add_fault("capacity_async", times=1)
    body = {"id": "moves", "image": "any", "command": ["script", "run_s=2"], "locations": REGIONS}
    assert send("POST", f"{stack.base_url}/api/jobs", body=body).status == 202
    shown = ended(stack, "moves")
    assert (shown["state"], shown["exitCode"]) == ("Succeeded", 0)
    attempts = [(attempt["location"], attempt["state"]) for attempt in shown["attempts"]]
    assert attempts == [("eastus", "Failed"), ("westeurope", "Succeeded")]
    assert admin.groups() == []


def test_health_tells_which_scope_is_not_well(stack: LocalStack) -> None:
    """The others are, and are not spoken of."""
    deep = send("GET", f"{stack.base_url}/api/health/deep")
    [problem] = deep.body["checks"]["containerGroups"]["problems"]
    assert problem.startswith(f"{SUBSCRIPTION}/{MISSING}: ResourceGroupNotFound")
    assert deep.status == 503
