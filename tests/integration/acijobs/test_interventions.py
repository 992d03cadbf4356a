"""What people do to orchestrations past the API: terminate, purge, suspend and resume."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.reasons import Reason
from reconciler_runs import JOB, LOG_LINES, SHORT, Stage, assert_right, purge, terminate
from scripted_azure import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path


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
