"""What would become of a job, and nothing of it done."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.spec.job import JobSpec, parse
from acijobs.domain.spec.policy import JobPolicy
from acijobs.usecases.dry_run import candidates, forecast, look_at, scopes, whole
from acijobs.web.dry_runs import dry_run
from acijobs_world import SCOPE, World
from scripted_azure import busy
from spec_complaints import EVERYTHING, SUBNET, job, sidecar


def told(world: World, **fields: Any) -> dict[str, Any]:
    """Return the forecast of a job."""
    spec = parse(job(**fields))
    regions = tuple(
        whole(tuple(look_at(world, spec, name, scope) for scope in scopes(world, spec)))
        for name in candidates(world, spec)
    )
    return forecast(world, spec, regions)


@pytest.fixture
def world() -> World:
    return World()


def test_a_forecast_has_the_whole_job_with_its_defaults(world: World) -> None:
    """As it would be stored."""
    shown = told(world, cpu=2)
    assert shown["spec"]["cpu"] == 2
    assert shown["spec"]["timeouts"]["runSeconds"] == 86_400
    assert JobSpec.stored(shown["spec"]) == parse(job(cpu=2))
    assert (shown["location"], shown["refusals"]) == ("eastus", [])


def test_a_forecast_shows_no_secret(world: World) -> None:
    """Only where secrets are; that they are values, where they are."""
    fields = {name: value for name, value in EVERYTHING.items() if name != "image"}
    shown = told(world, **fields)
    assert "s3cret" not in json.dumps(shown)
    assert "whsec_" not in json.dumps(shown)
    assert shown["spec"]["secrets"] == {"TOKEN": {"value": "[hidden]"}}
    assert shown["spec"]["registry"]["secret"] == {"appSetting": "JobSecret_R"}


def test_a_forecast_tells_the_price(world: World) -> None:
    """By the hour, and of the run until its deadline, which a cost limit may bring nearer."""
    hourly_usd = 0.047175
    shown = told(world, timeouts={"runSeconds": 7200})
    assert shown["pricePerHourUsd"] == hourly_usd
    assert (shown["runDeadlineSeconds"], shown["costAtRunDeadlineUsd"]) == (7200, 2 * hourly_usd)
    limited = told(world, maxCostUsd=0.01)
    assert limited["runDeadlineSeconds"] == 763
    assert limited["costAtRunDeadlineUsd"] == pytest.approx(0.01, abs=2e-5)


def test_a_forecast_tells_every_rule_that_is_broken(world: World) -> None:
    """As the POST would, with 403."""
    world.allowed = JobPolicy(images=("none",), max_cpu=0.5)
    found = told(world)["refusals"]
    assert [(refusal["rule"], refusal["pointer"]) for refusal in found] == [
        ("AllowedImages", "#/image"),
        ("MaxCpu", "#/cpu"),
    ]


def test_a_forecast_tells_the_room_in_each_region(world: World) -> None:
    """And takes the first where there is some."""
    world.azure.cores = {"westeurope": 1.0}
    shown = told(world, cpu=2, locations=["westeurope", "northeurope"])
    assert shown["location"] == "northeurope"
    west, north = shown["quota"]["westeurope"], shown["quota"]["northeurope"]
    assert west["standardCores"] == {"needed": 2.0, "used": 0, "limit": 1.0}
    assert (west["fits"], north["fits"]) == (False, True)
    assert north["containerGroups"] == {"needed": 1.0, "used": 0, "limit": 100}
    assert (north["maxCpu"], north["maxMemoryGb"]) == (32, 256)
    assert shown["refusals"] == []


def test_a_region_is_told_as_the_subscription_that_has_room_shows_it(world: World) -> None:
    """And how many of them have; two resource groups share the quotas of theirs."""
    world.other_scopes = (replace(SCOPE, resource_group="rg2"), replace(SCOPE, subscription_id="t"))
    world.azure.cores = {"eastus": 1.0}
    quota = told(world, cpu=2)["quota"]["eastus"]
    assert (quota["fits"], quota["standardCores"]["limit"]) == (True, 100)
    assert quota["subscriptions"] == {"asked": 2, "withRoom": 1}
    asked = [world.azure, *world.elsewhere.values()]
    assert [azure.calls["usages"] for azure in asked] == [1, 1]


def test_a_group_in_a_subnet_is_in_its_subscription(world: World) -> None:
    """No other is asked about; and no other region than the first is the subnet's."""
    subscription = SUBNET.split("/")[2]
    world.other_scopes = (replace(SCOPE, subscription_id=subscription),)
    world.own_locations = ("eastus", "westus")
    shown = told(world, cpu=1, subnetId=SUBNET)
    assert list(shown["quota"]) == ["eastus"]
    assert "subscriptions" not in shown["quota"]["eastus"]
    assert world.azure.calls["usages"] == 0


def test_a_spot_group_takes_spot_cores(world: World) -> None:
    """With those of its sidecars."""
    quota = told(world, priority="Spot", sidecars=[sidecar(cpu=1)])["quota"]["eastus"]
    assert quota["standardSpotCores"]["needed"] == 2.0
    assert "standardCores" not in quota


def test_a_group_in_a_subnet_is_bounded_as_one(world: World) -> None:
    """Azure tells another size for groups with a private address."""
    quota = told(world, cpu=4, memoryGb=16, subnetId=SUBNET)["quota"]["eastus"]
    assert (quota["maxCpu"], quota["maxMemoryGb"], quota["fits"]) == (4, 16, True)


def test_a_group_that_is_too_large_everywhere_is_refused(world: World) -> None:
    """Where it is too large in some regions only, another is taken."""
    world.azure.largest_cpu = {"westeurope": 4, "northeurope": 4}
    shown = told(world, cpu=8, locations=["westeurope", "eastus"])
    assert (shown["location"], shown["refusals"]) == ("eastus", [])
    shown = told(world, cpu=8, locations=["westeurope", "northeurope"])
    [refusal] = shown["refusals"]
    assert (refusal["rule"], refusal["pointer"]) == ("capabilities", "#/locations")
    assert "westeurope 4 cores and 256 GB; northeurope 4 cores" in refusal["detail"]


def test_what_azure_does_not_tell_is_told(world: World) -> None:
    """It is no reason to answer nothing else; such a region is taken before one that is full."""
    refused = RefusedError("AuthorizationFailed", "no right to read usages")
    world.azure.troubles = {"usages": [None, refused], "capabilities": [None, None, busy()]}
    world.azure.cores = {"a1": 0.5}
    shown = told(world, locations=["a1", "b1", "c1"])
    assert shown["location"] == "b1"
    assert shown["quota"]["b1"] == {
        "fits": None,
        "error": {"code": "AuthorizationFailed", "message": "no right to read usages"},
    }
    assert shown["quota"]["c1"]["error"]["code"] == "ServiceUnavailable"
    assert shown["pricePerHourUsd"] > 0


async def test_a_dry_run_writes_and_starts_nothing(world: World) -> None:
    """It reads what Azure tells of regions, and nothing else."""
    answer = await dry_run(world, parse(EVERYTHING))
    assert answer.status_code == 200
    assert json.loads(answer.get_body())["quota"]
    assert (world.memory_rows.rows, world.memory_rows.writes) == ({}, {})
    assert set(world.azure.calls) == {"usages", "capabilities"}


async def test_an_azure_that_does_not_answer_is_not_waited_for(world: World) -> None:
    """Somebody waits for the answer; it says which region is not known."""
    is_over = threading.Event()

    def hang() -> None:
        is_over.wait(10)

    world.azure.before["usages"] = hang
    answer = await dry_run(world, parse(job()), patience_s=0.05)
    is_over.set()
    region = json.loads(answer.get_body())["quota"]["eastus"]
    assert region["fits"] is None
    assert region["error"] == {
        "code": "NoAnswer",
        "message": "Azure did not answer within 0.05 s",
    }
