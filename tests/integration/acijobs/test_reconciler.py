"""Rounds of the Reconciler: beside the job, two at once, and in the midst of others' trouble."""

from __future__ import annotations

import asyncio
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
from acijobs.domain.messages import Function
from acijobs_interleaving import at_call
from functions_host.durable.faults import Fault, OrchestratorKilled, ReplySwallowed
from orchestration_runs import accept
from reconciler_runs import JOB, SHORT, Stage, assert_right, on_loop, purge, terminate
from scripted_azure import NEVER

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs.domain.row import Row
    from acijobs.usecases.ports import StoredRow

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
STORAGE_POINTS = [
    *("now", "unsettled", "read", "swap", "swap:2", "store"),
]


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
                at_call(stage.world, point, lambda: on_loop(loop, stage.round()))

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
            at_call(stage.world, "rows.swap", lambda: on_loop(loop, stage.round()))

        stage.at(239, interrupt)
        await stage.play(rounds=40)
    assert_right(stage, "Succeeded", lines=20)
    assert stage.row.offer == 2


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


async def test_an_engine_that_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    """The job goes on by itself, however long the engine is silent to us."""
    async with Stage(tmp_path, end_after_s=1_200, lines=20) as stage:
        stage.instances.answers = False
        await stage.play()
    assert_right(stage, "Succeeded", lines=20)
    assert not any(done.acts for done in stage.rounds)
