"""What Microsoft's engine was seen to do to its instances, and how their jobs end all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import StorageError
from acijobs.domain.messages import Fetched, Function, write_reply
from acijobs.domain.reasons import Reason
from functions_host.durable.faults import (
    ActivityRedelivered,
    CustomStatusLost,
    EventDropped,
    FirstEpisodeLost,
    OrchestratorKilled,
    Redelivery,
    ReplySwallowed,
    StrayReply,
    TimerEarly,
)
from orchestration_runs import TWIN_REPLIES
from reconciler_runs import (
    ACTIVITIES,
    JOB,
    LOG_LINES,
    SHORT,
    WATCH,
    Stage,
    ask_to_cancel,
    assert_right,
)
from scripted_azure import NEVER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("call", range(1, 12))
async def test_a_worker_that_dies_during_a_call_of_the_job(tmp_path: Path, call: int) -> None:
    """The engine fails the instance for good: the next round takes it over, the second at its start."""
    async with Stage(tmp_path, OrchestratorKilled(occurrence=call)) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_after == (2 if call == 1 else 1)


@pytest.mark.parametrize("call", [1, 2, 5])
async def test_a_worker_that_dies_during_a_call_of_a_watch(tmp_path: Path, call: int) -> None:
    """Its job starts another watch; the Reconciler has nothing to do."""
    killed = OrchestratorKilled(function=WATCH, occurrence=call)
    async with Stage(tmp_path, killed, end_after_s=400, lines=20) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert not any(done.acts for done in stage.rounds)


async def test_a_job_that_kills_its_worker_again_and_again_is_given_up(tmp_path: Path) -> None:
    """Five take-overs, then EngineFailure: a minute each, and its group is deleted."""
    killed = [OrchestratorKilled(occurrence=call) for call in range(2, 40)]
    async with Stage(tmp_path, *killed, end_after_s=NEVER) as stage:
        await stage.play()
    assert_right(stage, "Failed")
    assert stage.row.outcome is not None
    assert stage.row.outcome.reason == Reason.ENGINE_FAILURE.value
    assert len(stage.row.taken_over) == 5


@pytest.mark.parametrize("at_end", [True, False])
async def test_a_lost_status(tmp_path: Path, *, at_end: bool) -> None:
    """The row is the job's home: no round is needed."""
    async with Stage(tmp_path, CustomStatusLost(at_end=at_end, occurrence=1)) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_after == 0


@TWIN_REPLIES
async def test_a_cancel_that_the_engine_drops(tmp_path: Path) -> None:
    """The request stands in the row, and the first activity that commits hears it."""
    faults = FirstEpisodeLost(later_s=100), EventDropped()
    async with Stage(tmp_path, *faults, end_after_s=NEVER) as stage:

        async def cancel() -> None:
            ask_to_cancel(stage)
            await stage.engine.client.raise_event(JOB, "Cancel", "null")

        stage.at(5, cancel)
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.settled_s < 110


@pytest.mark.parametrize("status", ["suspended", "killed"])
async def test_a_cancel_that_nobody_can_hear(tmp_path: Path, status: str) -> None:
    """The next round ends the job: asked for by people, though its orchestration is not there."""
    faults = [OrchestratorKilled(occurrence=4)] if status == "killed" else []
    async with Stage(tmp_path, *faults, end_after_s=NEVER) as stage:
        if status == "suspended":
            stage.at(10, lambda: stage.engine.client.suspend(JOB, ""))
        stage.at(50, lambda: ask_to_cancel(stage))
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.settled_after == 1


@TWIN_REPLIES
@pytest.mark.parametrize("function", ACTIVITIES)
@pytest.mark.parametrize("result", [write_reply(Fetched()), {"kind": "superseded"}, None, "x"])
async def test_a_stray_reply(tmp_path: Path, function: str, result: Any) -> None:
    """It is asked again, or taken over: the run that was told by mistake that it is superseded."""
    async with Stage(tmp_path, StrayReply(function=function, result=result)) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_after is not None
    assert stage.settled_after <= 1


@pytest.mark.parametrize("arrives_after_s", [None, 900.0])
@pytest.mark.parametrize("function", [*ACTIVITIES, Function.FETCH.value])
async def test_an_activity_whose_reply_is_swallowed(
    tmp_path: Path, function: str, arrives_after_s: float | None
) -> None:
    """Nothing wakes the job but the Reconciler, once it has been silent for four minutes."""
    swallowed = ReplySwallowed(function=function, arrives_after_s=arrives_after_s)
    async with Stage(tmp_path, swallowed) as stage:
        if function == Function.FETCH:
            stage.at(24, lambda: stage.world.memory_logs.troubles.append(StorageError("down")))
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_after is not None
    assert stage.settled_after <= 6


@pytest.mark.parametrize("occurrence", [1, 3, 6])
async def test_a_poll_of_a_watch_whose_reply_is_swallowed(tmp_path: Path, occurrence: int) -> None:
    """The job waits for its watch, and its watch for a reply: both are put aside."""
    swallowed = ReplySwallowed(function=Function.CHECK, occurrence=14 + occurrence)
    async with Stage(tmp_path, swallowed, end_after_s=1_000, lines=20) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert sum(done.acts["takeOver"] for done in stage.rounds) == 1


async def test_timers_that_fire_early(tmp_path: Path) -> None:
    """A deadline that is not quite reached is reached by the next poll."""
    async with Stage(tmp_path, TimerEarly(), spec=SHORT, end_after_s=NEVER, lines=5) as stage:
        await stage.play()
    assert_right(stage, "TimedOut", lines=5)
    assert not any(done.acts for done in stage.rounds)


@TWIN_REPLIES
@pytest.mark.parametrize("replies_arrive", [True, False])
@pytest.mark.parametrize("later_s", [30.0, 300.0, 600.0])
async def test_a_first_episode_that_runs_again(
    tmp_path: Path, later_s: float, *, replies_arrive: bool
) -> None:
    """The same execution claims again; one that is silent for too long is taken over."""
    lost = FirstEpisodeLost(later_s=later_s, replies_arrive=replies_arrive)
    async with Stage(tmp_path, lost) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_s < max(420, later_s + 10)  # until then the engine holds the instance


@pytest.mark.parametrize("function", ACTIVITIES)
@pytest.mark.parametrize("after_s", [1.0, 400.0])
async def test_an_activity_that_runs_again_after_the_end(
    tmp_path: Path, function: str, after_s: float
) -> None:
    """It reads the row first, and does nothing for a job that is closed."""
    again = ActivityRedelivered(function=function, when=Redelivery.AFTER_END, after_s=after_s)
    async with Stage(tmp_path, again) as stage:
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
