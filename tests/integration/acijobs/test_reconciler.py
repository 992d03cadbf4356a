"""Jobs whose orchestrations suffer, beside the Reconciler: what Microsoft's engine was seen to do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import (
    BusyError,
    RefusedError,
    RowConflictError,
    RowTooLargeError,
    StorageError,
    UnreadableRowError,
)
from acijobs.domain.group import APP_TAG, JOB_TAG, NONCE_TAG, STORE_TAG
from acijobs.domain.messages import Fetched, Function, write_reply
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.reconciling import TAKEN_OVER
from acijobs.domain.row import cancelled, offered
from acijobs.usecases.changing import change
from acijobs.usecases.finish_job import End, end_job
from acijobs_interleaving import at_call
from acijobs_world import NEVER, START
from functions_host.durable.faults import (
    ActivityRedelivered,
    CustomStatusLost,
    EventDropped,
    Fault,
    FirstEpisodeLost,
    OrchestratorKilled,
    Redelivery,
    ReplySwallowed,
    StrayReply,
    TimerEarly,
)
from orchestration_runs import accept
from reconciler_runs import JOB, LOG_LINES, Stage, assert_right

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from acijobs.domain.row import Row
    from acijobs.usecases.ports import StoredRow

WATCH = Function.WATCH.value
ACTIVITIES = [Function.CREATE.value, Function.CHECK.value, Function.DELETE.value]
SHORT = {"timeouts": {"queueSeconds": 60, "provisionSeconds": 60, "runSeconds": 60}}
TWIN_REPLIES = pytest.mark.filterwarnings("ignore:Potential duplicate Task completion")


def ask_to_cancel(stage: Stage) -> None:
    """Store the request to end the job, as DELETE does; the event never arrives."""
    rows = stage.world.memory_rows
    stored = rows.read(JOB)
    assert stored is not None
    now = stage.clock.now()
    assert change(rows, stored, lambda row: cancelled(row, why="enough", now=now))


def make_offer(stage: Stage) -> None:
    """Take the job over in its row, as a round does before it starts anything."""
    rows = stage.world.memory_rows
    stored = rows.read(JOB)
    assert stored is not None
    changed = offered(stored.row, instead_of=1, now=stage.clock.now())
    assert changed is not None
    rows.swap(stored, changed)


async def terminate(stage: Stage) -> None:
    """Terminate the orchestration, as people do."""
    await stage.engine.client.terminate(JOB, "people")


async def purge(stage: Stage) -> None:
    """Terminate the orchestration and purge it."""
    await terminate(stage)
    await stage.engine.wait_until_quiet()
    assert await stage.engine.client.purge([JOB]) == 1


# What the engine does to its instances.


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


async def test_a_kept_group_is_deleted_when_its_time_is_over(tmp_path: Path) -> None:
    """And not before, by the round that is due then."""
    spec = {"image": "alpine:3.20", "keepGroupSeconds": 900}
    async with Stage(tmp_path, spec=spec) as stage:
        await stage.play(rounds=40)
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.row.kept_until is not None
    late_s = (stage.row.times["deleted"] - stage.row.kept_until).total_seconds()
    assert 0 <= late_s <= 660


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


async def test_a_long_job_is_left_alone_while_its_watch_polls(tmp_path: Path) -> None:
    """Its own instance does nothing for an hour; its watch does, which is seen."""
    async with Stage(tmp_path, end_after_s=3_600, lines=20) as stage:
        await stage.play(rounds=70)
    assert_right(stage, "Succeeded", lines=20)
    assert not any(done.acts for done in stage.rounds)
    assert stage.instances.calls["find_children"] > 10


async def test_a_list_of_watches_that_fails_proves_nothing(tmp_path: Path) -> None:
    """The engine that does not answer about watches has not shown a dead job."""
    async with Stage(tmp_path, end_after_s=3_600, lines=20) as stage:
        find = stage.instances.find_children

        async def fails(job_id: str, offer: int) -> None:
            await find(job_id, offer)

        stage.instances.find_children = fails  # type: ignore[method-assign]
        await stage.play(rounds=70)
    assert_right(stage, "Succeeded", lines=20)
    assert not any(done.acts for done in stage.rounds)


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


# A run that was taken over, and wakes.


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
            _on_loop(loop, rewind())

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


# What people do.


@pytest.mark.parametrize("how", [terminate, purge])
@pytest.mark.parametrize("seconds", [1, 2.5, 10, 59])
async def test_a_job_that_people_terminate(
    tmp_path: Path, how: Callable[[Stage], Coroutine[Any, Any, None]], seconds: float
) -> None:
    """The next round collects its log, closes it as Cancelled, and deletes its group."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        stage.at(seconds, lambda: how(stage))
        await stage.play()
    assert_right(stage, "Cancelled", lines=57)
    assert stage.row.outcome is not None
    assert stage.row.outcome.reason == Reason.TERMINATED.value
    assert stage.settled_after == 1


async def test_a_terminated_job_whose_container_had_ended(tmp_path: Path) -> None:
    """The exit code decides, and nobody's lateness."""
    async with Stage(tmp_path, exit_code=3) as stage:
        stage.at(10, lambda: terminate(stage))
        await stage.play()
    assert_right(stage, "Failed", lines=LOG_LINES)
    assert stage.row.log.complete


async def test_a_terminated_job_whose_container_was_restarted(tmp_path: Path) -> None:
    """Its log is flagged: the end of the earlier container's may be missing."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        azure = stage.world.azure
        observe = azure._observe

        def restarted(name: str, created_at: Any) -> Any:
            seen = observe(name, created_at)
            last = replace(seen.containers[-1], restart_count=2)
            return replace(seen, containers=(*seen.containers[:-1], last))

        azure._observe = restarted  # type: ignore[method-assign]
        stage.at(10, lambda: terminate(stage))
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.row.restarts == 2
    assert stage.row.log.truncated


@pytest.mark.parametrize("how", [terminate, purge])
async def test_a_terminated_job_whose_log_cannot_be_read_at_all(
    tmp_path: Path, how: Callable[[Stage], Coroutine[Any, Any, None]]
) -> None:
    """It is tried for a quarter of an hour, then ended without, and flagged."""
    async with Stage(tmp_path, end_after_s=NEVER, lines=5) as stage:
        stage.at(30, lambda: how(stage))

        def refuse() -> None:
            stage.world.azure.troubles["read_log"] = [RefusedError("No", "no")] * 1_000

        stage.at(31, refuse)
        await stage.play()
    assert_right(stage, "Cancelled", lines=5)
    assert stage.settled_after in {16, 17}
    assert "could not be read" in stage.row.log.trouble


async def test_a_suspended_job_past_its_deadline_that_is_then_resumed(tmp_path: Path) -> None:
    """Ten minutes after its last deadline it is ended; its run, resumed, finds nothing to do."""
    async with Stage(tmp_path, spec=SHORT, end_after_s=NEVER, lines=30) as stage:
        stage.at(20, lambda: stage.engine.client.suspend(JOB, ""))
        await stage.play()
        found = stage.engine.client.find(JOB)
    assert_right(stage, "TimedOut", lines=30)
    assert stage.settled_after == 27
    assert found is not None
    assert found.status.value == "Terminated"


async def test_a_suspended_job_that_is_resumed_after_its_deadline(tmp_path: Path) -> None:
    """Within the margin it is its own run that ends it."""
    async with Stage(tmp_path, spec=SHORT, end_after_s=NEVER, lines=30) as stage:
        stage.at(20, lambda: stage.engine.client.suspend(JOB, ""))
        stage.at(1_000, lambda: stage.engine.client.resume(JOB, ""))
        await stage.play()
    assert_right(stage, "TimedOut", lines=30)
    assert not any(done.acts for done in stage.rounds)


async def test_a_suspended_job_whose_container_ended_in_time(tmp_path: Path) -> None:
    """It is ended by its exit code, though long after its deadlines."""
    async with Stage(tmp_path, spec=SHORT) as stage:
        stage.at(10, lambda: stage.engine.client.suspend(JOB, ""))
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)


# Starts.


async def test_a_job_that_was_accepted_and_never_started(tmp_path: Path) -> None:
    """The POST died after the insert: the second round starts it."""
    async with Stage(tmp_path) as stage:
        await stage.play(is_started=False)
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert stage.settled_after == 2
    assert not stage.row.taken_over


async def test_an_engine_that_takes_no_start_for_twenty_minutes(tmp_path: Path) -> None:
    """An offer that nobody claimed is started again and again, and the job is not given up."""
    async with Stage(tmp_path) as stage:
        stage.instances.refuses = 20
        await stage.play()
    assert_right(stage, "Succeeded", lines=LOG_LINES)
    assert not stage.row.taken_over


async def test_a_job_that_is_never_taken(tmp_path: Path) -> None:
    """It ends by its queue deadline, and Azure was never asked."""
    async with Stage(tmp_path, spec=SHORT) as stage:
        stage.instances.refuses = 1_000
        await stage.play()
    assert_right(stage, "TimedOut", created=0)
    assert stage.settled_after == 11
    assert not stage.world.azure.calls["get"]


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


# Two rounds at once.

POINTS = [
    *("rows.now", "rows.unsettled", "rows.read", "rows.read:2", "rows.swap", "rows.swap:2"),
    *("rows.swap:3", "azure.get", "azure.get:2", "azure.get:3", "azure.read_log", "azure.delete"),
    *("azure.listed", "instances.find", "instances.terminate", "instances.start", "answer"),
]
TROUBLES: dict[str, tuple[list[Fault], str, int]] = {
    "killed": ([OrchestratorKilled(occurrence=5)], "Succeeded", 60),
    "stale": ([ReplySwallowed(function=Function.CHECK, occurrence=3)], "Succeeded", 240),
    "terminated": ([], "Cancelled", 60),
    "purged": ([], "Cancelled", 60),
    "overdue": ([], "TimedOut", 1_620),
}


def _on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run_coroutine_threadsafe(work, loop).result(60)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_two_rounds_at_once(tmp_path: Path, trouble: str, point: str) -> None:
    """Whatever point of the first one the whole second one is at: the job is right."""
    faults, phase, begins_s = TROUBLES[trouble]
    end_after_s = 900 if phase == "Succeeded" else NEVER
    spec = SHORT if trouble == "overdue" else {}
    async with Stage(tmp_path, *faults, spec=spec, end_after_s=end_after_s, lines=20) as stage:
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            part, _, method = point.partition(".")
            if part == "answer":
                stage.instances.after_find.append(stage.round)
            elif part == "instances":
                stage.instances.before[method] = stage.round
            else:
                at_call(stage.world, point, lambda: _on_loop(loop, stage.round()))

        if trouble in {"terminated", "purged"}:
            how = terminate if trouble == "terminated" else purge
            stage.at(40, lambda: how(stage))
        if trouble == "overdue":
            stage.at(40, lambda: stage.engine.client.suspend(JOB, ""))
        stage.at(begins_s - 1, interrupt)
        await stage.play(rounds=40)
    assert_right(stage, phase, lines=20)
    assert len(stage.row.taken_over) <= 1
    assert stage.world.azure.calls["create"] == 1


async def test_an_end_does_not_close_a_job_that_was_taken_over_meanwhile(tmp_path: Path) -> None:
    """A round is about to end a job as purged; another has made an offer, and started it."""
    async with Stage(tmp_path, end_after_s=900, lines=20) as stage:
        loop = asyncio.get_running_loop()

        def take_over() -> None:
            make_offer(stage)
            _on_loop(loop, stage.instances.start(JOB, 2))

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


async def test_two_rounds_that_make_the_very_same_offer(tmp_path: Path) -> None:
    """A table counts the same change, made in the same second, as made by both of them."""
    slow = ReplySwallowed(function=Function.CHECK, occurrence=3)
    async with Stage(tmp_path, slow, end_after_s=900, lines=20) as stage:
        rows, loop = stage.world.memory_rows, asyncio.get_running_loop()
        swap, now = rows.swap, rows.now

        def same_is_done(stored: StoredRow, changed: Row) -> StoredRow:
            try:
                return swap(stored, changed)
            except RowConflictError:
                there = rows.read(JOB)
                if there is None or there.row != changed:
                    raise
                return there

        rows.swap = same_is_done  # type: ignore[method-assign]
        rows.now = lambda: now().replace(microsecond=0)  # type: ignore[method-assign]

        def interrupt() -> None:
            at_call(stage.world, "rows.swap", lambda: _on_loop(loop, stage.round()))

        stage.at(239, interrupt)
        await stage.play(rounds=40)
    assert_right(stage, "Succeeded", lines=20)
    assert stage.row.offer == 2


@pytest.mark.parametrize("point", ["azure.create", "rows.swap:2"])
@pytest.mark.parametrize("how", ["terminated", "cancelled"])
async def test_a_job_that_is_ended_while_its_group_is_created(
    tmp_path: Path, how: str, point: str
) -> None:
    """Before and after the PUT: whoever closed the job may not see the group; its maker undoes it."""
    async with Stage(tmp_path, end_after_s=NEVER, lines=0) as stage:
        loop = asyncio.get_running_loop()

        async def end() -> None:
            if how == "cancelled":
                stored = stage.world.memory_rows.read(JOB)
                assert stored is not None
                end_job(stage.world, stored, End(outcome=Outcome.cancelled()))
                return
            await terminate(stage)
            while (await stage.instances.find(JOB)).is_alive:  # noqa: ASYNC110 - the engine's turn
                await asyncio.sleep(0)
            stage.instances.waits = False
            await stage.round()
            stage.instances.waits = True

        at_call(stage.world, point, lambda: _on_loop(loop, end()))
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.settled_after == 0


# Storage, Azure and others.

STORAGE_POINTS = [
    *("now", "unsettled", "read", "swap", "swap:2", "store"),
]


@pytest.mark.parametrize("trouble", ["killed", "terminated"])
@pytest.mark.parametrize("point", STORAGE_POINTS)
async def test_storage_that_fails_in_the_middle_of_a_round(
    tmp_path: Path, point: str, trouble: str
) -> None:
    """Nothing is written after it, and the next round is right."""
    faults, phase, _ = TROUBLES[trouble]
    end_after_s = 200 if phase == "Succeeded" else NEVER
    async with Stage(tmp_path, *faults, end_after_s=end_after_s, lines=20) as stage:
        rows = stage.world.memory_rows
        writes: list[int] = []

        def fail() -> None:
            writes.append(rows.writes.total())
            raise StorageError("500")

        def arm() -> None:
            at_call(stage.world, f"rows.{point}", fail)

        if trouble == "terminated":
            stage.at(40, lambda: terminate(stage))
        stage.at(59, arm)
        stage.at(60.5, lambda: writes.append(rows.writes.total()))
        await stage.play()
    assert_right(stage, phase, lines=20)
    assert stage.settled_after is not None
    if len(writes) == 2 and (point, trouble) != ("swap:2", "killed"):  # it was this round's
        assert writes[0] == writes[1]
        assert not stage.rounds[0].is_whole


@pytest.mark.parametrize("error", [UnreadableRowError("not JSON"), ValueError("a defect")])
async def test_one_row_that_cannot_be_read_disturbs_no_other_job(
    tmp_path: Path, error: Exception
) -> None:
    """It is told, and the round goes on; its group stays."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        rows = stage.world.memory_rows
        read = rows.read

        def torn(job_id: str) -> Any:
            if job_id == "a-torn-job":
                raise error
            return read(job_id)

        rows.rows["a-torn-job"] = ('{"job_id": "a-torn-job"}', 1)
        rows._unsettled.add("a-torn-job")
        rows.read = torn  # type: ignore[method-assign]
        stage.at(10, lambda: terminate(stage))
        await stage.play()
    assert_right(stage, "Cancelled")
    assert stage.settled_after == 1


async def test_one_row_that_is_too_large_to_change_disturbs_no_other_job(tmp_path: Path) -> None:
    """Each round tries it first, tells it, and goes on."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        rows = stage.world.memory_rows
        swap, tried = rows.swap, []

        def too_large(stored: StoredRow, changed: Row) -> StoredRow:
            if changed.job_id == "a-huge-job":
                tried.append(len(stage.rounds))
                raise RowTooLargeError("the row is too large")
            return swap(stored, changed)

        rows.swap = too_large  # type: ignore[method-assign]
        accept(stage.world, "a-huge-job", {"image": "alpine"} | SHORT)
        stage.at(400, lambda: terminate(stage))
        await stage.play()
    assert_right(stage, "Cancelled", lines=None)
    assert tried
    assert all(done.is_whole for done in stage.rounds)


async def test_azure_that_refuses_one_jobs_clean_up(tmp_path: Path) -> None:
    """It is told, and tried again by the next rounds."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        stage.at(10, lambda: terminate(stage))
        denied = RefusedError("AuthorizationFailed", "no")
        stage.at(
            11, lambda: stage.world.azure.troubles.update(delete=[denied, BusyError("B", "b")])
        )
        await stage.play()
    assert_right(stage, "Cancelled", lines=57)
    assert stage.settled_after == 3


def _group_of(stage: Stage, **tags: str) -> dict[str, str]:
    ours = {APP_TAG: "acijobs", STORE_TAG: "store1", JOB_TAG: JOB, NONCE_TAG: "late000000"}
    marks = {APP_TAG: tags.pop("app", None), STORE_TAG: tags.pop("store", None)}
    return ours | tags | {name: value for name, value in marks.items() if value is not None}


async def test_a_group_whose_late_put_landed_after_the_end_is_swept(tmp_path: Path) -> None:
    """Its row says settled, or is missing by a point read: the next round deletes it."""
    async with Stage(tmp_path) as stage:
        await stage.play()
        late = {"late": _group_of(stage), "lost": _group_of(stage, **{JOB_TAG: "no-such-job"})}
        stage.world.azure.tags.update(late)
        stage.world.azure.alive.update(dict.fromkeys(late, START))
        done = await stage.round()
    assert done.swept == 2
    assert_right(stage, "Succeeded", lines=LOG_LINES)


async def test_no_group_of_anybody_else_is_touched(tmp_path: Path) -> None:
    """Another store's, another app's, one without our marks, one of an open job."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        others = {
            "another store, the same job": _group_of(stage, store="store0"),
            "another store, an unknown job": _group_of(stage, store="s0", **{JOB_TAG: "x"}),
            "another app": _group_of(stage, app="other"),
            "no job": {APP_TAG: "acijobs", STORE_TAG: "store1"},
            "no store": {APP_TAG: "acijobs", JOB_TAG: "x", NONCE_TAG: "n"},
            "nobody's": {},
        }
        stage.world.azure.tags.update(others)
        stage.world.azure.alive.update(dict.fromkeys(others, START))
        stage.at(100, lambda: terminate(stage))
        await stage.play()
        await stage.round()
        assert set(stage.world.azure.alive) == set(others)
        assert stage.row.settled


async def test_a_store_that_is_new_deletes_nothing_of_the_old_one(tmp_path: Path) -> None:
    """After a rollback or in a new storage account, jobs of the earlier store run on."""
    async with Stage(tmp_path, end_after_s=NEVER) as stage:
        stage.at(90, lambda: stage.world.azure.tags.update(_of_store(stage, "store0")))
        stage.at(91, stage.world.memory_rows.rows.clear)
        stage.at(91, stage.world.memory_rows._unsettled.clear)
        with pytest.raises(KeyError):  # there is no row any more
            await stage.play(rounds=5)
        done = await stage.round()
    assert done.swept == 0
    assert len(stage.world.azure.alive) == 1


def _of_store(stage: Stage, store: str) -> dict[str, dict[str, str]]:
    tags = stage.world.azure.tags
    return {name: found | {STORE_TAG: store} for name, found in tags.items()}


async def test_an_engine_that_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    """The job goes on by itself, however long the engine is silent to us."""
    async with Stage(tmp_path, end_after_s=1_200, lines=20) as stage:
        stage.instances.answers = False
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert not any(done.acts for done in stage.rounds)


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
