"""How jobs end by their own limits, how gently, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.observation import ContainerState
from acijobs.domain.progress import CleanUp
from acijobs.domain.row import cancelled
from acijobs.usecases.changing import change
from manual_clock import START
from orchestration_runs import Event, run_job
from scripted_azure import NEVER, busy

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs_world import World
    from orchestration_runs import Run

IMAGE = {"image": "alpine:3.20"}
JOB = "job-under-test"


def cancel(world: World, grace_seconds: int | None = None) -> None:
    stored = world.memory_rows.read(JOB)
    assert stored is not None
    now = world.clock.now()
    assert change(
        world.memory_rows,
        stored,
        lambda row: cancelled(row, why="enough", now=now, grace_seconds=grace_seconds),
    )


def reason(run: Run) -> Any:
    return run.custom_status["reason"]["code"]


async def test_a_container_that_is_silent_for_too_long_times_out(tmp_path: Path) -> None:
    """Counted from its last line, which was its fifth."""
    spec = IMAGE | {"timeouts": {"silentSeconds": 60}}
    run = await run_job(tmp_path, spec, end_after_s=NEVER, lines=5)
    assert (run.custom_status["phase"], reason(run)) == ("TimedOut", "NoOutput")
    assert 3 + 5 + 60 <= run.took_s <= 3 + 5 + 60 + 12
    assert not run.world.azure.alive


async def test_a_container_that_prints_now_and_then_is_not_silent(tmp_path: Path) -> None:
    """Also where it prints less often than the log is fetched."""
    spec = IMAGE | {"timeouts": {"silentSeconds": 30}}
    run = await run_job(tmp_path, spec, end_after_s=400)
    assert run.custom_status["phase"] == "Succeeded"


async def test_a_log_that_cannot_be_read_is_not_taken_for_silence(tmp_path: Path) -> None:
    """Not knowing is not knowing that there is nothing."""
    spec = IMAGE | {"timeouts": {"silentSeconds": 60}}
    troubles = {"read_log": [busy("HTTP 500")] * 40}
    run = await run_job(tmp_path, spec, end_after_s=150, troubles=troubles)
    assert run.custom_status["phase"] == "Succeeded"


async def test_a_job_ends_at_its_cost_limit(tmp_path: Path) -> None:
    """Its cost is that of its group's seconds."""
    run = await run_job(
        tmp_path, IMAGE | {"maxCostUsd": 0.5}, end_after_s=NEVER, usd_per_second=0.005
    )
    assert (run.custom_status["phase"], reason(run)) == ("TimedOut", "CostLimit")
    assert 100 <= run.took_s <= 103
    assert run.row is not None
    assert run.row.billed_s == pytest.approx(100, abs=2)


async def test_the_cost_limit_is_that_of_all_attempts(tmp_path: Path) -> None:
    """What an earlier attempt cost is taken off."""
    spec = IMAGE | {"maxCostUsd": 0.5, "retry": {"attempts": 9, "backoffSeconds": 0}}
    run = await run_job(tmp_path, spec, exit_code=3, end_after_s=60, usd_per_second=0.005)
    assert reason(run) == "CostLimit"
    assert run.row is not None
    billed_s = run.row.billed_s + sum(a.billed_s for a in run.row.attempts)
    assert billed_s == pytest.approx(100, abs=3)


@pytest.mark.parametrize("rules", [[], [{"onReasons": ["CostLimit"], "action": "retry"}]])
async def test_no_attempt_follows_that_nothing_is_left_to_pay_for(
    tmp_path: Path, rules: list[Any]
) -> None:
    """Not even where a rule asks for one: each would cost something."""
    retry = {"attempts": 9, "backoffSeconds": 0, "rules": rules}
    spec = IMAGE | {"maxCostUsd": 0.1, "retry": retry}
    ends = {"end_after_s": NEVER} if rules else {"exit_code": 3, "end_after_s": 20.5}
    run = await run_job(tmp_path, spec, usd_per_second=0.005, **ends)
    assert reason(run) in {"CostLimit", "NonZeroExitCode"}
    assert len(run.world.azure.created) == 1


async def test_a_group_that_azure_never_repairs_times_out(tmp_path: Path) -> None:
    """It ran once, and must not be billed until the run deadline."""
    spec = IMAGE | {"timeouts": {"provisionSeconds": 300}}
    waiting = ContainerState(name="job", state="Waiting", started_at=START)
    run = await run_job(
        tmp_path, spec, end_after_s=NEVER, main=waiting, provisioning_state="Repairing"
    )
    assert (run.custom_status["phase"], reason(run)) == ("TimedOut", "Unhealthy")
    assert run.took_s <= 300 + 45


async def test_a_spot_group_that_azure_starts_again_was_evicted(tmp_path: Path) -> None:
    """That attempt is over, and another one is the platform's fault."""
    spec = IMAGE | {"priority": "Spot", "retry": {"attempts": 1, "backoffSeconds": 0}}

    def evict(world: World) -> None:
        started_at = world.clock.now()
        world.azure.main = ContainerState(name="job", state="Running", started_at=started_at)
        world.azure.before["delete"] = lambda: setattr(world.azure, "main", None)

    run = await run_job(tmp_path, spec, Event(after_s=12, do=evict), end_after_s=40)
    assert run.custom_status["phase"] == "Succeeded"
    assert run.row is not None
    assert [(a.outcome.reason, a.counts) for a in run.row.attempts] == [("Evicted", False)]
    assert len(run.world.azure.created) == 2


async def test_a_cancelled_container_may_end_by_itself(tmp_path: Path) -> None:
    """It is stopped, waited for, its last lines are fetched, and then it is deleted."""
    spec = IMAGE | {"cancelGraceSeconds": 60}
    run = await run_job(tmp_path, spec, Event(after_s=20), end_after_s=NEVER, stop_takes_s=10)
    assert run.custom_status["phase"] == "Cancelled"
    assert run.took_s == pytest.approx(30, abs=3)
    assert list(run.world.azure.stopped) == run.world.azure.created
    assert run.row is not None
    assert (run.row.log.complete, run.row.clean_up) == (True, CleanUp.DELETED)


async def test_a_container_that_does_not_end_is_deleted_after_its_grace(tmp_path: Path) -> None:
    """The request may say how long that is."""
    event = Event(after_s=20, do=lambda world: cancel(world, grace_seconds=15))
    run = await run_job(tmp_path, IMAGE, event, end_after_s=NEVER, stop_takes_s=NEVER)
    assert run.custom_status["phase"] == "Cancelled"
    assert 35 <= run.took_s <= 41
    assert not run.world.azure.alive


async def test_a_long_grace_is_waited_for_with_few_looks(tmp_path: Path) -> None:
    """Ten minutes are 46 looks, each further from the last: Azure is not asked 300 times."""
    spec = IMAGE | {"cancelGraceSeconds": 600}
    run = await run_job(tmp_path, spec, Event(after_s=20), end_after_s=NEVER, stop_takes_s=NEVER)
    assert run.custom_status["phase"] == "Cancelled"
    assert 620 <= run.took_s <= 623
    assert run.world.azure.calls["get"] < 65
    assert run.messages < 180
    assert not run.world.azure.alive


async def test_without_grace_nothing_is_stopped(tmp_path: Path) -> None:
    """A cancelled group is deleted at once."""
    run = await run_job(tmp_path, IMAGE, Event(after_s=20), end_after_s=NEVER)
    assert run.took_s == pytest.approx(20, abs=1)
    assert not run.world.azure.calls["stop"]


async def test_a_stop_that_is_denied_is_no_reason_to_keep_a_group(tmp_path: Path) -> None:
    """The right to stop groups is another than the one to delete them."""
    denied = RefusedError("AuthorizationFailed", "no right to stop")
    spec = IMAGE | {"cancelGraceSeconds": 60}
    run = await run_job(
        tmp_path, spec, Event(after_s=20), end_after_s=NEVER, troubles={"stop": [denied] * 9}
    )
    assert run.custom_status["phase"] == "Cancelled"
    assert run.took_s == pytest.approx(20, abs=2)
    assert not run.world.azure.alive


@pytest.mark.parametrize(
    ("when", "exit_code", "is_kept"),
    [("always", 0, True), ("always", 3, True), ("onFailure", 0, False), ("onFailure", 3, True)],
)
async def test_a_group_is_kept_for_inspection(
    tmp_path: Path, when: str, exit_code: int, *, is_kept: bool
) -> None:
    """The job is over meanwhile, and not settled."""
    spec = IMAGE | {"keepGroupSeconds": 600, "keepGroupWhen": when}
    run = await run_job(tmp_path, spec, exit_code=exit_code)
    assert run.row is not None
    assert run.row.outcome is not None
    assert run.row.outcome.exit_code == exit_code
    assert run.custom_status["cleanUp"] == ("Kept" if is_kept else "Deleted")
    assert (run.row.settled, bool(run.world.azure.alive)) == (not is_kept, is_kept)
    assert run.took_s <= 35
    if is_kept:
        assert run.row.kept_until is not None
        assert run.row.kept_until - run.row.accepted_at >= timedelta(seconds=625)


async def test_a_kept_group_is_stopped_where_it_still_runs(tmp_path: Path) -> None:
    """It must not be billed."""
    spec = IMAGE | {"keepGroupSeconds": 600, "timeouts": {"runSeconds": 30}}
    run = await run_job(tmp_path, spec, end_after_s=NEVER)
    assert run.custom_status["phase"] == "TimedOut"
    assert list(run.world.azure.stopped) == run.world.azure.created == list(run.world.azure.alive)


async def test_a_cancelled_jobs_group_is_not_kept(tmp_path: Path) -> None:
    """Whoever cancels wants it gone."""
    spec = IMAGE | {"keepGroupSeconds": 600}
    run = await run_job(tmp_path, spec, Event(after_s=10), end_after_s=NEVER)
    assert not run.world.azure.alive


async def test_the_outcome_tells_of_all_containers_and_what_azure_said(tmp_path: Path) -> None:
    """As they were when it was decided; of a job that timed out, too."""
    beside = ContainerState(name="proxy", state="Running", restart_count=2)
    spec = IMAGE | {"timeouts": {"runSeconds": 30}}
    for end_after_s in (25, NEVER):
        run = await run_job(
            tmp_path / str(end_after_s), spec, end_after_s=end_after_s, sidecar=beside
        )
        assert run.row is not None
        assert run.row.outcome is not None
        told = {c.name: (c.state, c.restarts) for c in run.row.outcome.containers}
        main = "Terminated" if end_after_s == 25 else "Running"
        assert told == {"proxy": ("Running", 2), "job": (main, 0)}
        assert [event.name for event in run.row.outcome.events] == ["Pulling"]
