"""Jobs that are taken over by a new run, and runs that were, and wake."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.messages import Function
from acijobs.domain.reconciling import TAKEN_OVER
from acijobs_interleaving import at_call
from functions_host.durable.faults import (
    ActivityRedelivered,
    FirstEpisodeLost,
    OrchestratorKilled,
    Redelivery,
    ReplySwallowed,
)
from manual_clock import START
from reconciler_runs import (
    ACTIVITIES,
    JOB,
    LOG_LINES,
    Stage,
    assert_right,
    make_offer,
    on_loop,
    purge,
)
from scripted_azure import NEVER

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_slow_orchestration_that_is_taken_over_and_then_wakes(tmp_path: Path) -> None:
    """The engine does not even take it away: it finds itself superseded, and deletes nothing."""
    slow = ReplySwallowed(function=Function.CHECK, occurrence=3, arrives_after_s=700)
    async with Stage(tmp_path, slow, end_after_s=1_500, lines=20) as stage:
        stage.instances.is_deaf = True
        woken: list[bool] = []

        def look() -> None:
            shown = stage.engine.client.find(JOB)
            woken.append(shown is not None and "superseded" in (shown.output or ""))
            assert stage.world.azure.alive
            assert not stage.world.azure.calls["delete"]

        for seconds in range(700, 800, 5):
            stage.at(seconds, look)
        await stage.play(rounds=40)
    assert True in woken
    assert_right(stage, "Succeeded", lines=20)
    assert stage.row.claim is not None
    assert stage.row.claim.offer == 2
    assert stage.world.azure.calls["delete"] == 1


@pytest.mark.parametrize("function", ACTIVITIES)
async def test_an_activity_of_the_run_that_was_taken_over_comes_late(
    tmp_path: Path, function: str
) -> None:
    """Its work item is delivered again while the second run drives: superseded, harmless."""
    faults = [
        OrchestratorKilled(occurrence=5),
        ActivityRedelivered(function=function, when=Redelivery.AFTER_END, after_s=60),
    ]
    async with Stage(tmp_path, *faults, end_after_s=300, lines=20) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert stage.world.azure.calls["delete"] == 1


@pytest.mark.parametrize("point", ["before", "swap", "start", "after"])
async def test_a_rewind_beside_a_take_over(tmp_path: Path, point: str) -> None:
    """A rewind keeps the execution: whoever's offer the row has drives, and the other ends."""
    async with Stage(
        tmp_path, OrchestratorKilled(occurrence=5), end_after_s=300, lines=20
    ) as stage:
        client = stage.engine.client

        async def rewind() -> None:
            await client.rewind(JOB, "people")

        def rewind_from_thread() -> None:
            on_loop(loop, rewind())

        loop = asyncio.get_running_loop()
        if point == "before":
            stage.at(59, rewind)
        elif point == "swap":
            stage.at(59, lambda: at_call(stage.world, "rows.swap:1", rewind_from_thread))
        elif point == "start":
            stage.instances.before["start"] = _nothing
            stage.at(59, lambda: stage.instances.before.update(start=rewind))
        else:
            stage.at(61, lambda: None)
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert len(stage.row.taken_over) == (0 if point == "before" else 1)


async def _nothing() -> None:
    return


async def test_an_end_does_not_close_a_job_that_was_taken_over_meanwhile(tmp_path: Path) -> None:
    """A round is about to end a job as purged; another has made an offer, and started it."""
    async with Stage(tmp_path, end_after_s=900, lines=20) as stage:
        loop = asyncio.get_running_loop()

        def take_over() -> None:
            make_offer(stage)
            on_loop(loop, stage.instances.start(JOB, 2))

        stage.at(40, lambda: purge(stage))
        stage.at(59, lambda: at_call(stage.world, "rows.swap", take_over))
        await stage.play(rounds=40)
    assert_right(stage, "Succeeded", lines=20)
    assert stage.world.azure.calls["delete"] == 1


async def test_a_run_that_is_taken_over_as_it_closes_its_job_leaves_it(tmp_path: Path) -> None:
    """It finds itself superseded by the swap that fails, and deletes nothing."""
    async with Stage(tmp_path, end_after_s=25) as stage:
        deletes: list[int] = []

        def take_over() -> None:
            make_offer(stage)
            stage.at(30, lambda: deletes.append(stage.world.azure.calls["delete"]))

        stage.at(24, lambda: at_call(stage.world, "rows.swap", take_over))
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert deletes == [0]
    assert stage.settled_after == 1


async def test_a_take_over_whose_start_is_refused(tmp_path: Path) -> None:
    """The next round starts what the last one offered."""
    async with Stage(tmp_path, OrchestratorKilled(occurrence=4)) as stage:
        stage.at(59, lambda: setattr(stage.instances, "refuses", 1))
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert [dict(done.acts) for done in stage.rounds] == [{"takeOver": 1}, {"start": 1}]


async def test_a_job_never_claimed_whose_take_over_is_refused(tmp_path: Path) -> None:
    """What the Reconciler terminated is not taken for what people terminated."""
    held = FirstEpisodeLost(later_s=500, replies_arrive=False)
    async with Stage(tmp_path, held) as stage:
        stage.functions.troubles[Function.CREATE] = [RuntimeError("lost before it claimed")]
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    acts = [act for done in stage.rounds for act in done.acts]
    assert acts[0] == "takeOver"
    assert set(acts[1:]) == {"start"}


async def test_a_termination_of_ours_that_comes_late_is_not_peoples(tmp_path: Path) -> None:
    """A message of an earlier take-over reaches the run that it made room for."""
    async with Stage(tmp_path, end_after_s=200, lines=20) as stage:
        stage.at(30, lambda: stage.engine.client.terminate(JOB, TAKEN_OVER))
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert [dict(done.acts) for done in stage.rounds if done.acts] == [{"takeOver": 1}]


async def test_an_offer_made_elsewhere_is_only_started(tmp_path: Path) -> None:
    """A round died between its swap and its start: the next one starts that offer."""
    async with Stage(tmp_path, OrchestratorKilled(occurrence=4)) as stage:
        stage.at(58, lambda: make_offer(stage))
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert [dict(done.acts) for done in stage.rounds] == [{"start": 1}]
    assert timedelta(seconds=stage.settled_s) < timedelta(minutes=2)


async def test_run_seconds_do_not_begin_anew_when_a_job_is_taken_over(tmp_path: Path) -> None:
    """They count from the container's start as Azure has it, which the next run sees, too."""
    killed = OrchestratorKilled(occurrence=14)
    spec = {"timeouts": {"runSeconds": 200}}
    async with Stage(tmp_path, killed, spec=spec, end_after_s=NEVER) as stage:
        await stage.play()
    assert len(stage.row.taken_over) == 1
    assert_right(stage, "TimedOut")
    assert stage.row.closed_at is not None
    assert 200 <= (stage.row.closed_at - START).total_seconds() <= 215


async def test_a_cancel_by_durables_own_event_is_kept_through_a_take_over(tmp_path: Path) -> None:
    """The run that heard it dies while the container has its grace: the next one knows of it."""
    spec = {"cancelGraceSeconds": 300, "retry": {"attempts": 3, "backoffSeconds": 0}}
    killed = OrchestratorKilled(occurrence=28)
    async with Stage(tmp_path, killed, spec=spec, end_after_s=NEVER, stop_takes_s=150) as stage:
        event = stage.engine.client.raise_event
        stage.at(20, lambda: event(JOB, "Cancel", json.dumps({"reason": "enough"})))
        await stage.play()
    assert len(stage.row.taken_over) == 1
    assert_right(stage, "Cancelled")
    assert stage.row.outcome is not None
    assert stage.row.outcome.message == "cancelled: enough"
    assert stage.row.closed_at is not None
    assert (stage.row.closed_at - START).total_seconds() >= 20 + 150
