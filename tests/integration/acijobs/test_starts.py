"""Jobs whose start is lost or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler_runs import LOG_LINES, SHORT, Stage, assert_right

if TYPE_CHECKING:
    from pathlib import Path


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
