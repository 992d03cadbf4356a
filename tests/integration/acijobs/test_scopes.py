"""Several scopes: subscriptions and resource groups that share the load, and each other's refusals."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.candidates import spread
from acijobs.domain.errors import RefusedError
from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.domain.metrics import GROUP_ALIVE, JOB_ACTIVE
from acijobs.domain.observation import ContainerEvent, Observation
from acijobs_world import SCOPE, World
from manual_clock import START
from orchestration_runs import run_job
from reconciler_runs import JOB, LOG_LINES, Stage, assert_right
from scripted_azure import AfterWork, ScriptedAzure, busy, denied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from acijobs.domain.group import Scope
    from acijobs.usecases.ports import Group
    from orchestration_runs import Run as JobRun

OTHER = replace(SCOPE, subscription_id="v")
SPEC = {"image": "alpine:3.20"}
QUOTA = "ContainerGroupQuotaReached"


def two_scopes(world: World) -> None:
    world.other_scopes = (OTHER,)


def job_of(first: Scope) -> str:
    """Return the id of a job that tries this scope first."""
    return next(f"j{n}" for n in range(99) if spread((SCOPE, OTHER), f"j{n}")[0] == first)


async def run(folder: Path, first: Scope = SCOPE, **known: Any) -> JobRun:
    """Run a job with two scopes, of which it tries this one first."""
    return await run_job(folder, SPEC, job_id=job_of(first), **({"prepare": two_scopes} | known))


def assert_succeeded(job: JobRun, scope: Scope) -> None:
    """The job ran once, in this scope, and nothing of it is left in any."""
    world = job.world
    assert job.custom_status["phase"] == "Succeeded"
    assert job.row is not None
    assert job.row.settled
    assert job.row.group is not None
    assert job.row.group.scope == scope
    ran = {SCOPE: world.azure.created} | {at: one.created for at, one in world.elsewhere.items()}
    assert [at for at, created in ran.items() for _ in created] == [scope]
    assert not any(azure.alive for azure in (world.azure, *world.elsewhere.values()))


@pytest.mark.parametrize("first", [SCOPE, OTHER])
async def test_a_job_runs_in_the_scope_that_its_id_leads_to(tmp_path: Path, first: Scope) -> None:
    """Its logs are read and its group is deleted there; the other is not asked for anything."""
    job = await run(tmp_path, first)
    assert_succeeded(job, first)
    assert len(job.world.elsewhere) == (first == OTHER)
    assert bool(job.world.azure.calls) == (first == SCOPE)


@pytest.mark.parametrize("code", [QUOTA, "TooManyRequests", "ServiceUnavailable"])
async def test_a_scope_that_is_full_is_followed_by_the_next_within_the_step(
    tmp_path: Path, code: str
) -> None:
    """It costs a refused request, and no message of the engine more."""
    moved = await run(tmp_path / "1", troubles={"create": [busy(code)]})
    assert_succeeded(moved, OTHER)
    straight = await run(tmp_path / "2")
    assert moved.messages == straight.messages
    assert moved.world.azure.calls == {"create": 1}


@pytest.mark.parametrize("code", ["ResourceGroupNotFound", "AuthorizationFailed"])
async def test_a_scope_that_the_app_cannot_use_loses_no_job(tmp_path: Path, code: str) -> None:
    """The others go on; deep health tells the operator."""
    wrong = RefusedError(code, "not yours")
    assert_succeeded(await run(tmp_path, troubles={"create": [wrong]}), OTHER)


async def test_a_job_waits_where_all_scopes_are_full(tmp_path: Path) -> None:
    """And is taken by the one that has room first."""

    def prepare(world: World) -> None:
        two_scopes(world)
        world.groups(OTHER).troubles["create"] = [busy(QUOTA)] * 2

    job = await run(tmp_path, prepare=prepare, troubles={"create": [busy(QUOTA)] * 3})
    assert_succeeded(job, OTHER)
    assert job.custom_status["waitingFor"] is None


@pytest.mark.parametrize("first", [SCOPE, OTHER])
async def test_a_job_that_waits_tells_what_may_pass(tmp_path: Path, first: Scope) -> None:
    """Quota is used up in one scope, and the other gives no right: only the first is waited for."""

    def prepare(world: World) -> None:
        two_scopes(world)
        world.groups(OTHER).troubles["create"] = [denied()]

    job = await run(tmp_path, first, prepare=prepare, troubles={"create": [busy(QUOTA)]})
    assert_succeeded(job, SCOPE)
    told = [reply["code"] for reply in job.functions.replies if reply["kind"] == "busy"]
    assert told == [QUOTA]


@dataclass
class FullRegions(ScriptedAzure):
    """Accepts groups in regions that have no room for them.

    Attributes:
        full: These regions.
    """

    full: frozenset[str] = frozenset()

    def get(self, name: str) -> Group | None:
        """Return the group; where there is no room, it has failed."""
        found = super().get(name)
        if found is None or self.locations[name] not in self.full:
            return found
        why = ContainerEvent(name="Failed", message="InsufficientCapacity", kind="Warning")
        failed = Observation(provisioning_state="Failed", events=(why,))
        return replace(found, seen=failed)


def full(*regions: str, other_too: bool = True) -> Callable[[World], None]:
    """Return what prepares two scopes, in these regions of which groups find no room."""

    def prepare(world: World) -> None:
        two_scopes(world)
        none = frozenset(regions)
        world.azure = FullRegions(clock=world.clock, full=none)
        world.elsewhere[OTHER] = FullRegions(
            clock=world.clock, full=none if other_too else frozenset()
        )

    return prepare


def attempts_of(job: JobRun) -> list[tuple[Scope, str]]:
    """Return where each attempt was asked for."""
    row = job.row
    assert row is not None
    groups = [*(attempt.group for attempt in row.attempts), row.group]
    return [(group.scope, group.location) for group in groups if group is not None]


async def test_capacity_that_is_lost_leads_to_the_other_subscription(tmp_path: Path) -> None:
    """Azure has accepted the group, and then has no room for it: the next attempt is elsewhere."""
    job = await run(tmp_path, prepare=full("eastus", other_too=False))
    assert job.custom_status["phase"] == "Succeeded"
    assert attempts_of(job) == [(SCOPE, "eastus"), (OTHER, "eastus")]
    assert job.row is not None
    assert [(a.outcome.reason, a.counts, a.moved) for a in job.row.attempts] == [
        ("NoCapacity", False, True)
    ]
    assert job.row.settled
    assert not any(azure.alive for azure in (job.world.azure, *job.world.elsewhere.values()))


async def test_capacity_that_is_lost_leads_to_each_region_before_another_scope(
    tmp_path: Path,
) -> None:
    """A job without `retry` fails once none is left, and was in each of them once."""
    spec = SPEC | {"locations": ["eastus", "westeurope"]}
    job = await run_job(tmp_path, spec, job_id=job_of(SCOPE), prepare=full("eastus", "westeurope"))
    assert (job.custom_status["phase"], job.custom_status["reason"]["code"]) == (
        *("Failed", "NoCapacity"),
    )
    assert attempts_of(job) == [
        *((SCOPE, "eastus"), (SCOPE, "westeurope"), (OTHER, "eastus"), (OTHER, "westeurope"))
    ]
    assert job.row is not None
    assert job.row.settled
    assert not any(azure.alive for azure in (job.world.azure, *job.world.elsewhere.values()))


async def test_wrong_settings_lead_nowhere(tmp_path: Path) -> None:
    """The job ends by what it found, where it was."""

    def prepare(world: World) -> None:
        full("eastus")(world)
        world.azure.before["get"] = lambda: setattr(world, "settings_problem", "JobScopes is wrong")

    job = await run(tmp_path, prepare=prepare)
    assert job.custom_status["reason"]["code"] == "NoCapacity"
    assert attempts_of(job) == [(SCOPE, "eastus")]


async def test_a_job_that_no_region_takes_waits_once(tmp_path: Path) -> None:
    """All were asked as long as it waited: no other attempt follows that waits as long again."""
    spec = SPEC | {"locations": ["eastus", "westeurope"], "timeouts": {"queueSeconds": 600}}

    def prepare(world: World) -> None:
        two_scopes(world)
        for scope in (SCOPE, OTHER):
            world.groups(scope).troubles["create"] = [busy()] * 999

    job = await run_job(tmp_path, spec, job_id=job_of(SCOPE), prepare=prepare)
    assert (job.custom_status["phase"], job.custom_status["reason"]["code"]) == (
        *("TimedOut", "NoCapacity"),
    )
    assert job.took_s <= 600
    assert len(attempts_of(job)) == 1


async def test_an_unsure_answer_leads_to_no_other_scope(tmp_path: Path) -> None:
    """The group may have been created: it is looked for where it was asked for, and adopted."""
    lost = AfterWork(error=busy("HTTP 502", is_refused=False))
    assert_succeeded(await run(tmp_path, troubles={"create": [lost]}), SCOPE)


def stray(name: str) -> dict[str, str]:
    return {APP_TAG: SCOPE.app, STORE_TAG: SCOPE.store, JOB_TAG: name, NONCE_TAG: "late000000"}


def put(world: World, scope: Scope, job: str) -> None:
    """Have a group appear in a scope that a lost request asked for."""
    azure = world.groups(scope)
    azure.alive["late"], azure.tags["late"] = START, stray(job)


async def test_what_a_lost_request_made_in_a_scope_that_was_left_is_swept(tmp_path: Path) -> None:
    """While the job runs in the other: the group there has another name."""
    left, taken = spread((SCOPE, OTHER), JOB)
    async with Stage(tmp_path) as stage:
        two_scopes(stage.world)
        stage.world.groups(left).troubles["create"] = [busy(QUOTA)]
        stage.world.groups(taken).end_after_s = 200
        stage.at(70, lambda: put(stage.world, left, JOB))
        alive: list[str] = []
        stage.at(130, lambda: alive.extend(stage.world.groups(taken).alive))
        await stage.play()
        assert [done.swept for done in stage.rounds[:3]] == [0, 1, 0]
        row = stage.row
        assert row.group is not None
        assert (row.group.scope, alive) == (taken, [row.group.name])
        assert row.settled


async def test_strays_are_swept_in_each_scope(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be listed keeps none of the others from it, and the log tells which it is."""
    caplog.set_level("INFO", "acijobs")
    async with Stage(tmp_path, troubles={"listed": [busy()]}) as stage:
        two_scopes(stage.world)
        put(stage.world, SCOPE, "no-such-job")
        put(stage.world, OTHER, "no-such-job")
        assert (await stage.round()).swept == 1
        assert not stage.world.groups(OTHER).alive
        assert (await stage.round()).swept == 1
    told = [json.loads(record.getMessage()) for record in caplog.records]
    lines = [(one["event"], one["scope"]) for one in told if one["event"].lower().endswith("swept")]
    assert set(lines[:2]) == {("notSwept", SCOPE.path), ("swept", OTHER.path)}  # in any order
    assert lines[2:] == [("swept", SCOPE.path)]


async def test_a_scope_that_cannot_be_listed_hides_nothing_of_the_others(tmp_path: Path) -> None:
    """What is in it is not told as nothing; each job is counted, and in no wrong state."""
    assert spread((SCOPE, OTHER), JOB)[0] == OTHER
    async with Stage(tmp_path) as stage:
        two_scopes(stage.world)
        azure = stage.world.groups(OTHER)
        azure.end_after_s = 2_400
        stage.at(1_230, lambda: azure.troubles.update(listed=[busy()] * 9))
        await stage.play(rounds=60)
    told, rounds = stage.world.telemetry, len(stage.rounds)
    assert not azure.troubles["listed"]
    alive = Counter(one["acijobs.scope"] for one in told.attributes(GROUP_ALIVE))
    assert alive == {SCOPE.path: rounds, OTHER.path: rounds - 9}
    states = zip(told.attributes(JOB_ACTIVE), told.values(JOB_ACTIVE), strict=True)
    jobs: Counter[str] = Counter()
    for state, count in states:
        jobs[str(state["cicd.pipeline.run.state"])] += int(count)
    assert jobs["pending"] == 0
    assert 3 <= jobs["unknown"] < 9
    assert jobs.total() == 2_400 // 60


async def test_a_job_in_a_scope_that_the_settings_no_longer_name_is_finished_there(
    tmp_path: Path,
) -> None:
    """Polled, collected and deleted; and swept for as long as it is open."""
    assert spread((SCOPE, OTHER), JOB)[0] == OTHER
    async with Stage(tmp_path) as stage:
        two_scopes(stage.world)
        stage.world.groups(OTHER).end_after_s = 100
        stage.world.groups(OTHER).lines = LOG_LINES
        stage.at(20, lambda: stage.world.left.add(OTHER))
        stage.at(30, lambda: put(stage.world, OTHER, "no-such-job"))
        await stage.play()
        assert_right(stage, "Succeeded", lines=LOG_LINES, created=0)
        assert not stage.world.groups(OTHER).alive
        assert sum(done.swept for done in stage.rounds) == 1
