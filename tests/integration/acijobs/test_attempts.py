"""Attempts: each with a group and a log of its own, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.messages import DeleteRequest, Retrying
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Reason
from acijobs.domain.row import cancelled
from acijobs.usecases.changing import change
from acijobs.usecases.finish_job import finish_job
from orchestration_runs import Event, run_job
from scripted_azure import AfterWork, busy

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs_world import World
    from orchestration_runs import Run as JobRun

RETRY = {"attempts": 3, "backoffSeconds": 60}
SPEC = {"image": "alpine:3.20", "retry": RETRY}
JOB = "job-under-test"


def cancel(world: World) -> None:
    stored = world.memory_rows.read(JOB)
    assert stored is not None
    now = world.clock.now()
    assert change(world.memory_rows, stored, lambda row: cancelled(row, why="enough", now=now))


def assert_clean(run: JobRun, *, groups: int) -> None:
    """Each attempt created one group under a name of its own; none is left; the row is settled."""
    azure = run.world.azure
    assert len(azure.created) == len(set(azure.created)) == groups
    assert not azure.alive
    assert run.row is not None
    assert run.row.settled
    assert run.row.leftovers == ()


async def test_a_job_that_fails_twice_succeeds_in_its_third_attempt(tmp_path: Path) -> None:
    """The outcome is the last one's; the others are remembered, each with its log."""
    run = await run_job(tmp_path, SPEC, exit_codes=[3, 4, 0])
    assert (run.status, run.custom_status["phase"]) == ("Completed", "Succeeded")
    assert run.custom_status["attempt"] == 3
    assert_clean(run, groups=3)
    assert run.row is not None
    assert [a.outcome.exit_code for a in run.row.attempts] == [3, 4]
    assert all(a.counts and a.clean_up is CleanUp.DELETED for a in run.row.attempts)
    assert all(a.log.complete and a.log.archived_bytes for a in run.row.attempts)
    assert all(a.billed_s == pytest.approx(25, abs=8) for a in run.row.attempts)
    assert len(run.world.memory_logs.logs) == 3
    assert all(log.count(b"\n") == 22 for log in run.world.memory_logs.logs.values())


async def test_attempts_are_apart_by_a_pause_that_grows(tmp_path: Path) -> None:
    """60 s, 120 s, each up to a fifth longer, from one attempt's end to the next one's group."""
    run = await run_job(tmp_path, SPEC, exit_code=3)
    assert run.status == "Failed"
    assert run.row is not None
    assert run.row.outcome is not None
    assert (run.row.outcome.exit_code, run.row.attempt) == (3, 3)
    assert 60 + 120 + 3 * 25 <= run.took_s <= (60 + 120) * 1.2 + 3 * 35
    assert_clean(run, groups=3)


async def test_a_history_of_ten_attempts_stays_short(tmp_path: Path) -> None:
    """What is watched for long is watched by children, whose ids are never the same."""
    spec = SPEC | {"retry": {"attempts": 10, "backoffSeconds": 0}}
    run = await run_job(tmp_path, spec, exit_code=3, end_after_s=200)
    assert_clean(run, groups=10)
    assert run.functions.longest_history <= 700
    children = [name for name in run.functions.last_episodes if name != JOB]
    assert len(children) == len(set(children)) >= 10


async def test_a_job_that_is_cancelled_between_two_attempts_ends_at_once(tmp_path: Path) -> None:
    """By the event; nothing is created any more."""
    run = await run_job(tmp_path, SPEC, Event(after_s=50), exit_code=3)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.took_s == pytest.approx(50, abs=1)
    assert_clean(run, groups=1)


async def test_a_cancel_whose_event_is_lost_stops_the_next_attempt(tmp_path: Path) -> None:
    """The row is read before Azure is asked."""
    run = await run_job(tmp_path, SPEC, Event(after_s=50, do=cancel), exit_code=3)
    assert run.custom_status["phase"] == "Cancelled"
    assert_clean(run, groups=1)


async def test_a_failing_container_of_a_cancelled_job_is_not_attempted_again(
    tmp_path: Path,
) -> None:
    """Its own end decides, and it is the last one."""
    run = await run_job(tmp_path, SPEC, Event(after_s=24.5, do=cancel), exit_code=3)
    assert run.row is not None
    assert run.row.attempts == ()
    assert_clean(run, groups=1)


async def test_the_end_of_an_attempt_whose_answer_was_lost_is_not_made_twice(
    tmp_path: Path,
) -> None:
    """The activity that runs again finds the next attempt, and does nothing to it."""
    lost = {"DeleteContainerActivity": [RuntimeError("the worker died")]}
    run = await run_job(tmp_path, SPEC, exit_codes=[3, 0], step_troubles=lost)
    assert run.custom_status["phase"] == "Succeeded"
    assert_clean(run, groups=2)


async def test_a_late_end_of_an_earlier_attempt_does_not_end_the_next(tmp_path: Path) -> None:
    """Activities run at least once, and as late as they like."""
    late: list[Any] = []

    def run_again(world: World) -> None:
        row = world.memory_rows.now_of(JOB)
        assert row.claim is not None
        outcome = Outcome.failed(Reason.EXIT_CODE, "exit", exit_code=3, has_ended=True)
        late.append(finish_job(world, DeleteRequest(run=row.claim, attempt=1, outcome=outcome)))

    run = await run_job(tmp_path, SPEC, Event(after_s=110, do=run_again), exit_codes=[3, 0])
    assert isinstance(late[0], Retrying)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.row is not None
    assert len(run.row.attempts) == 1
    assert_clean(run, groups=2)


async def test_a_group_that_cannot_be_deleted_yet_does_not_lose_its_attempt(
    tmp_path: Path,
) -> None:
    """It is asked for again, before the next attempt and, if need be, after it."""
    troubles = {"delete": [busy("ContainerGroupTransitioning")] * 3}
    run = await run_job(tmp_path, SPEC, exit_codes=[3, 0], troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert_clean(run, groups=2)


async def test_the_next_attempt_begins_though_the_last_group_is_still_there(
    tmp_path: Path,
) -> None:
    """After cleanUpSeconds; the end of the job asks for it again."""
    spec = SPEC | {"timeouts": {"cleanUpSeconds": 60}}
    troubles = {"delete": [busy("ContainerGroupTransitioning")] * 7}
    run = await run_job(tmp_path, spec, exit_codes=[3, 0], troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert_clean(run, groups=2)


async def test_a_region_without_room_is_followed_by_the_next(tmp_path: Path) -> None:
    """At once, under the same name: nothing was created there."""
    spec = {"image": "alpine:3.20", "locations": ["eastus", "westeurope", "uksouth"]}
    run = await run_job(tmp_path, spec, troubles={"create": [busy(), busy(), None]})
    assert run.custom_status["phase"] == "Succeeded"
    assert list(run.world.azure.locations.values()) == ["uksouth"]
    assert run.took_s <= 45
    assert_clean(run, groups=1)


async def test_locations_that_azure_does_not_have_are_refused(tmp_path: Path) -> None:
    """Each is asked once: no waiting makes a region."""
    unknown = RefusedError("LocationNotAvailableForResourceType", "no such region")
    spec = {"image": "alpine:3.20", "locations": ["marsnorth", "marssouth"]}
    run = await run_job(tmp_path, spec, troubles={"create": [unknown, unknown]})
    assert run.custom_status["phase"] == "Failed"
    assert run.custom_status["reason"]["code"] == "InvalidRequest"
    assert run.took_s <= 45
    assert_clean(run, groups=0)


async def test_a_location_that_azure_does_not_have_is_passed_over(tmp_path: Path) -> None:
    """And never come back to, though the other has no room for a while."""
    unknown = RefusedError("LocationNotAvailableForResourceType", "no such region")
    spec = {"image": "alpine:3.20", "locations": ["marsnorth", "eastus"]}
    run = await run_job(tmp_path, spec, troubles={"create": [unknown, busy(), busy(), None]})
    assert run.custom_status["phase"] == "Succeeded"
    assert list(run.world.azure.locations.values()) == ["eastus"]
    assert_clean(run, groups=1)


async def test_platform_faults_use_up_no_attempt(tmp_path: Path) -> None:
    """A group that vanishes is not the job's fault."""
    spec = {"image": "alpine:3.20", "retry": {"attempts": 1, "backoffSeconds": 0}}
    vanish = Event(after_s=15, do=lambda world: world.azure.vanish())
    run = await run_job(tmp_path, spec, vanish, end_after_s=40)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.row is not None
    assert [(a.outcome.reason, a.counts) for a in run.row.attempts] == [("GroupVanished", False)]
    assert_clean(run, groups=2)


async def test_a_create_whose_answer_was_lost_in_a_later_attempt_is_found(tmp_path: Path) -> None:
    """Exactly one group for each attempt."""
    troubles = {"create": [None, AfterWork(error=busy("HTTP 500", is_refused=False)), None]}
    run = await run_job(tmp_path, SPEC, exit_codes=[3, 0], troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"
    assert_clean(run, groups=2)


async def test_the_queue_deadline_is_each_attempts_own(tmp_path: Path) -> None:
    """It counts from when the attempt may begin."""
    spec = SPEC | {"timeouts": {"queueSeconds": 90}}
    troubles = {"create": [None] + [busy()] * 500}
    run = await run_job(tmp_path, spec, exit_codes=[3], troubles=troubles)
    assert run.row is not None
    assert run.row.outcome is not None
    assert run.row.outcome.phase is Phase.TIMED_OUT
    assert run.took_s >= 60 + 25 + 80
    assert_clean(run, groups=1)
